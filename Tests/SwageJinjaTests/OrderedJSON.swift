import SwageJinja

/// Reads JSON into what a template is rendered with, in the order of its keys. What belongs to a message has the message's number
/// for its owner.
struct OrderedJSON {
    private let bytes: [UInt8]
    private var index = 0

    static func value(_ text: String) -> TemplateValue {
        var reader = OrderedJSON(bytes: Array(text.utf8))
        return reader.value(Rendering.template, isMessages: false)
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func skipSpace() { while index < bytes.count, [9, 10, 13, 32].contains(bytes[index]) { index += 1 } }

    private mutating func next(_ byte: Character) -> Bool {
        skipSpace()
        guard bytes[index] == byte.asciiValue else { return false }
        index += 1
        return true
    }

    private mutating func value(_ owner: Int32, isMessages: Bool) -> TemplateValue {
        skipSpace()
        switch bytes[index] {
        case 0x7B:
            index += 1
            var pairs: [(key: TemplateValue, value: TemplateValue)] = []
            while !next("}") {
                _ = next(",")
                skipSpace()
                let key = string()
                _ = next(":")
                pairs.append((.text(key, owner: owner), value(owner, isMessages: key == "messages")))
            }
            return .dict(pairs)
        case 0x5B:
            index += 1
            var items: [TemplateValue] = []
            while !next("]") {
                _ = next(",")
                items.append(value(isMessages ? Int32(items.count) : owner, isMessages: false))
            }
            return .list(items)
        case 0x22: return .text(string(), owner: owner)
        default: return word()
        }
    }

    private mutating func word() -> TemplateValue {
        let start = index
        while index < bytes.count, ![9, 10, 13, 32, 0x2C, 0x5D, 0x7D].contains(bytes[index]) { index += 1 }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        switch text {
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "null": return .none
        default: return Int(text).map { .int($0) } ?? .float(Double(text) ?? .nan)
        }
    }

    private mutating func string() -> String {
        var (result, units) = ([UInt8](), [UInt16]())
        index += 1
        while bytes[index] != 0x22 {
            if bytes[index] != 0x5C {
                result.append(bytes[index])
                index += 1
                continue
            }
            let letter = bytes[index + 1]
            index += 2
            switch letter {
            case 0x75:
                units.append(UInt16(String(decoding: bytes[index..<index + 4], as: UTF8.self), radix: 16) ?? 0)
                index += 4
                if bytes[index] != 0x5C || bytes[index + 1] != 0x75 {
                    result.append(contentsOf: String(decoding: units, as: UTF16.self).utf8)
                    units = []
                }
            case 0x6E: result.append(10)
            case 0x74: result.append(9)
            case 0x72: result.append(13)
            case 0x62: result.append(8)
            case 0x66: result.append(12)
            default: result.append(letter)
            }
        }
        index += 1
        return String(decoding: result, as: UTF8.self)
    }
}

extension TemplateValue {
    subscript(_ name: String) -> TemplateValue? {
        guard case .dict(let pairs) = self else { return nil }
        return pairs.first { $0.key == .text(name) }?.value
    }

    var items: [TemplateValue] { if case .list(let items) = self { items } else { [] } }
    var string: String? { if case .text(let text, _) = self { text } else { nil } }

    /// The values by their names.
    var names: [String: TemplateValue] {
        guard case .dict(let pairs) = self else { return [:] }
        return Dictionary(pairs.compactMap { pair in pair.key.string.map { ($0, pair.value) } }) { $1 }
    }
}
