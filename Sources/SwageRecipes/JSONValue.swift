import Foundation
import Swage
import SwageText

/// Any value of JSON.
enum JSONValue: Codable, Equatable, Sendable {
    case null
    case flag(Bool)
    case number(Double)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let flag = try? container.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if let list = try? container.decode([JSONValue].self) {
            self = .list(list)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .flag(let flag): try container.encode(flag)
        case .number(let number): try container.encode(number)
        case .text(let text): try container.encode(text)
        case .list(let list): try container.encode(list)
        case .object(let object): try container.encode(object)
        }
    }

    /// One line of a file, which should be an object.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData`.
    static func object(_ json: Data) throws -> [String: JSONValue] {
        do {
            return try JSONDecoder().decode([String: JSONValue].self, from: json)
        } catch {
            throw TrainerError(.invalidData, error.summary)
        }
    }

    /// A text as it is, a whole number without a point, anything else as JSON.
    var text: String {
        switch self {
        case .text(let text): return text
        case .number(let number) where number == number.rounded() && abs(number) < 1e15: return "\(Int(number))"
        default: return (try? JSONEncoder().encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        }
    }

    /// A list of messages, or a text as one message of `role`; nil for anything else.
    func messages(role: String) -> [ChatMessage]? {
        switch self {
        case .text(let text): return [ChatMessage(role: role, content: text)]
        case .list(let list):
            let messages = list.compactMap { value -> ChatMessage? in
                guard case .object(let object) = value, case .text(let role)? = object["role"],
                    case .text(let content)? = object["content"]
                else { return nil }
                return ChatMessage(role: role, content: content)
            }
            return messages.count == list.count ? messages : nil
        default: return nil
        }
    }
}
