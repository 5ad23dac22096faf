import Swage
import SwageText

extension JSONValue {
    /// A text as it is, a whole number without a point, anything else as JSON.
    var asText: String {
        switch self {
        case .text(let text): return text
        case .number(let number) where number.double == number.double.rounded() && abs(number.double) < 1e15:
            return "\(Int(number.double))"
        default: return json
        }
    }
}
