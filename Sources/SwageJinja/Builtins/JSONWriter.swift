extension Interpreter {
    /// Python's `json.dumps` with the options that the filter passes on.
    func json(_ value: Value, _ options: [Value?]) throws -> Text {
        var writer = JSONWriter(meter)
        writer.isASCII = try options[0]?.isTrue() ?? false
        writer.sortsKeys = try options[3]?.isTrue() ?? false
        if let indent = options[1] {
            switch indent {
            case .none: break
            case .text(let text): writer.indent = text
            default:
                // Python writes a text without looking at the indent.
                if case .text = value { break }
                let width = try integer(indent)
                try meter.take(bytes: max(0, width))
                writer.indent = Text([UInt8](repeating: 32, count: max(0, width)))
            }
            if writer.indent != nil { writer.itemSeparator = Text(",") }
        }
        if let separators = options[2] {
            if case .none = separators {
            } else {
                let pair = try separators.items(meter)
                if pair.count != 2 { throw TemplateError.value("not enough values to unpack (expected 2, got \(pair.count))") }
                writer.itemSeparator = try wantedText(pair[0], "the item separator")
                writer.keySeparator = try wantedText(pair[1], "the key separator")
            }
        }
        try writer.write(value)
        try meter.take(bytes: writer.result.bytes.count)
        return writer.result
    }
}

/// Writes JSON as Python's `json` does. What stands for a character keeps the character's owner.
struct JSONWriter {
    private(set) var result = Text()
    var isASCII = false
    var sortsKeys = false
    var indent: Text?
    var itemSeparator = Text(", ")
    var keySeparator = Text(": ")
    private var depth = 0
    private let meter: Meter

    init(_ meter: Meter) { self.meter = meter }

    mutating func write(_ value: Value) throws {
        switch value {
        case .none: result.append("null")
        case .bool(let value): result.append(value ? "true" : "false")
        case .int(let value): result.append(String(value))
        case .float(let value): result.append(JSONWriter.number(value))
        case .text(let text): write(text)
        case .list(let items), .tuple(let items): try write(items.items)
        case .dict(let dict): try write(dict.pairs)
        default: throw TemplateError.type("Object of type \(value.typeName) is not JSON serializable")
        }
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        return value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : FloatText.repr(value)
    }

    private mutating func enter() throws {
        depth += 1
        try meter.stack.check()
        try meter.spend(1)
        if result.bytes.count > meter.textBytes { throw TemplateError.limit("a text of more than \(meter.textBytes) bytes") }
    }

    private mutating func newLine() {
        guard let indent else { return }
        result.append("\n")
        for _ in 0..<depth { result.append(indent) }
    }

    private mutating func write(_ items: [Value]) throws {
        if items.isEmpty { return result.append("[]") }
        try enter()
        result.append("[")
        newLine()
        for (index, item) in items.enumerated() {
            if index > 0 {
                result.append(itemSeparator)
                newLine()
            }
            try write(item)
        }
        depth -= 1
        newLine()
        result.append("]")
    }

    private mutating func write(_ pairs: OrderedPairs) throws {
        if pairs.count == 0 { return result.append("{}") }
        try enter()
        var places = Array(0..<pairs.count)
        if sortsKeys { try sort(&places, pairs.keys) }
        result.append("{")
        newLine()
        for (index, place) in places.enumerated() {
            if index > 0 {
                result.append(itemSeparator)
                newLine()
            }
            write(try JSONWriter.key(pairs.keys[place]))
            result.append(keySeparator)
            try write(pairs.values[place])
        }
        depth -= 1
        newLine()
        result.append("}")
    }

    private func sort(_ places: inout [Int], _ keys: [Value]) throws {
        try meter.spend(places.count * 8)
        var failure: (any Error)?
        places.sort { left, right in
            do {
                return try keys[left].order(keys[right], "<") == .less
            } catch {
                failure = error
                return false
            }
        }
        if let failure { throw failure }
    }

    private static func key(_ key: Value) throws -> Text {
        switch key {
        case .text(let text): text
        case .none: Text("null")
        case .bool(let value): Text(value ? "true" : "false")
        case .int(let value): Text(String(value))
        case .float(let value): Text(number(value))
        default: throw TemplateError.type("keys must be str, int, float, bool or None, not \(key.typeName)")
        }
    }

    private mutating func write(_ text: Text) {
        result.append("\"")
        var (position, start) = (0, 0)
        while position < text.bytes.count {
            let byte = text.bytes[position]
            if byte >= 0x20, byte != 0x22, byte != 0x5C, byte < 0x80 || !isASCII {
                position += 1
                continue
            }
            let (value, length) = text.scalar(at: position)
            result.append(text, start, position)
            result.append(JSONWriter.escape(value), owner: text.owner(at: position))
            position += length
            start = position
        }
        result.append(text, start, text.bytes.count)
        result.append("\"")
    }

    private static func escape(_ value: UInt32) -> String {
        func unit(_ value: UInt32) -> String {
            let digits = String(value, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
        switch value {
        case 0x22: return "\\\""
        case 0x5C: return "\\\\"
        case 10: return "\\n"
        case 13: return "\\r"
        case 9: return "\\t"
        case 12: return "\\f"
        case 8: return "\\b"
        case 0x10000...: return unit(0xD800 + (value - 0x10000) >> 10) + unit(0xDC00 + (value - 0x10000) & 0x3FF)
        default: return unit(value)
        }
    }
}
