import Foundation
import Swage
import SwageText

extension JSONValue {
    /// One line of a file, which should be an object.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData`.
    static func object(_ json: Data) throws -> JSONObject {
        let value = try JSONValue(json: json)
        guard let object = value.object else {
            throw TrainerError(.invalidData, "the line is \(value.summary)", expected: "an object in braces")
        }
        return object
    }

    /// A text as it is, a whole number without a point, anything else as JSON.
    var asText: String {
        switch self {
        case .text(let text): return text
        case .number(let number) where number.double == number.double.rounded() && abs(number.double) < 1e15:
            return "\(Int(number.double))"
        default: return json
        }
    }

    /// A list of messages, or a text as one message of `role`; nil for anything else.
    func messages(role: String) -> [ChatMessage]? {
        switch self {
        case .text(let text): return [ChatMessage(role: role, content: text)]
        case .list(let list):
            let messages = list.compactMap { value -> ChatMessage? in
                guard let role = value["role"]?.text, let content = value["content"]?.text else { return nil }
                return ChatMessage(role: role, content: content)
            }
            return messages.count == list.count ? messages : nil
        default: return nil
        }
    }
}
