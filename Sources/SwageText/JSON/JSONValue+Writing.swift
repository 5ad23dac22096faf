package import Swage

extension JSONValue {
    /// The value as JSON, on one line.
    package var json: String {
        var text = ""
        write(to: &text)
        return text
    }

    /// The value as JSON that people read: a member a line, and two spaces for each level.
    package var indentedJSON: String {
        var text = ""
        write(to: &text, indent: "")
        return text + "\n"
    }

    /// - Parameter indent: the spaces before the line on which the value begins; nil for all on one line.
    private func write(to text: inout String, indent: String? = nil) {
        let inner = indent.map { $0 + "  " }
        func separate(_ isFirst: Bool) {
            if !isFirst { text += "," }
            if let inner { text += "\n" + inner }
        }
        switch self {
        case .null: text += "null"
        case .flag(let flag): text += flag ? "true" : "false"
        case .number(let number): text += number.literal
        case .text(let string): Self.write(string, to: &text)
        case .list(let list):
            text += "["
            for (index, value) in list.enumerated() {
                separate(index == 0)
                value.write(to: &text, indent: inner)
            }
            if let indent, !list.isEmpty { text += "\n" + indent }
            text += "]"
        case .object(let object):
            text += "{"
            for (index, member) in object.members.enumerated() {
                separate(index == 0)
                Self.write(member.key, to: &text)
                text += indent == nil ? ":" : ": "
                member.value.write(to: &text, indent: inner)
            }
            if let indent, !object.isEmpty { text += "\n" + indent }
            text += "}"
        }
    }

    private static func write(_ string: String, to text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            case "\r": text += "\\r"
            case "\0"..."\u{1F}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
