extension Value {
    /// Python's `str`.
    func str() throws -> Text {
        switch self {
        case .text(let text): text.asMarkup(false)
        case .undefined, .missing: Text()
        default: try repr()
        }
    }

    /// Python's `repr`. The characters of texts keep their owners.
    func repr() throws -> Text {
        var writer = Representation()
        try writer.write(self)
        return writer.result
    }
}

struct Representation {
    private(set) var result = Text()
    private var depth = 0
    private var open: [ObjectIdentifier] = []

    mutating func write(_ value: Value) throws {
        switch value {
        case .missing, .undefined: result.append("Undefined")
        case .none: result.append("None")
        case .bool(let value): result.append(value ? "True" : "False")
        case .int(let value): result.append(String(value))
        case .float(let value): result.append(FloatText.repr(value))
        case .text(let text):
            if text.isMarkup { result.append("Markup(") }
            write(text)
            if text.isMarkup { result.append(")") }
        case .list(let items): try write(items.items, "[", "]")
        case .tuple(let items): try write(items.items, "(", items.items.count == 1 ? ",)" : ")")
        case .dict(let dict): try write(dict.pairs)
        case .object(let object): try write(object)
        }
    }

    private mutating func write(_ items: [Value], _ begin: StaticString, _ end: StaticString) throws {
        try enter()
        result.append(begin)
        for (index, item) in items.enumerated() {
            if index > 0 { result.append(", ") }
            try write(item)
        }
        result.append(end)
        depth -= 1
    }

    private mutating func write(_ pairs: OrderedPairs) throws {
        try enter()
        result.append("{")
        for index in 0..<pairs.count {
            if index > 0 { result.append(", ") }
            try write(pairs.keys[index])
            result.append(": ")
            try write(pairs.values[index])
        }
        result.append("}")
        depth -= 1
    }

    private mutating func enter() throws {
        depth += 1
        if depth > Value.depthLimit + 50 { throw TemplateError.limit("RecursionError: maximum recursion depth exceeded") }
        if result.bytes.count > 64 << 20 { throw TemplateError.limit("a representation of more than 64 MiB") }
    }

    private mutating func write(_ object: ObjectValue) throws {
        switch object {
        case let range as RangeValue:
            result.append("range(\(range.start), \(range.stop)\(range.step == 1 ? "" : ", \(range.step)"))")
        case let view as DictViewValue:
            result.append(view.kind.rawValue + "(")
            try write(try view.items(), "[", "]")
            result.append(")")
        case let namespace as NamespaceValue:
            result.append("<Namespace ")
            if open.contains(ObjectIdentifier(namespace)) {
                result.append("{...}")
            } else {
                open.append(ObjectIdentifier(namespace))
                try write(namespace.attributes)
                open.removeLast()
            }
            result.append(">")
        case let macro as MacroValue:
            result.append("<Macro ")
            if let name = macro.macro.name { write(Text(name)) } else { result.append("anonymous") }
            result.append(">")
        case let loop as LoopValue: result.append("<LoopContext \(loop.index + 1)/\(try loop.length())>")
        default: throw TemplateError.unsupported("the text of a \(object.typeName), which has an address in it")
        }
    }

    private mutating func write(_ text: Text) {
        let quote: UInt8 = text.bytes.contains(0x27) && !text.bytes.contains(0x22) ? 0x22 : 0x27
        result.append(CollectionOfOne(quote), owner: Rendering.template)
        var (position, start) = (0, 0)
        while position < text.bytes.count {
            let (value, length) = text.scalar(at: position)
            if let escape = escape(value, quote) {
                result.append(text, start, position)
                result.append(escape, owner: text.owner(at: position))
                start = position + length
            }
            position += length
        }
        result.append(text, start, text.bytes.count)
        result.append(CollectionOfOne(quote), owner: Rendering.template)
    }

    private func escape(_ value: UInt32, _ quote: UInt8) -> String? {
        switch value {
        case 0x5C: return "\\\\"
        case UInt32(quote): return "\\" + String(Character(Unicode.Scalar(quote)))
        case 10: return "\\n"
        case 13: return "\\r"
        case 9: return "\\t"
        default:
            if CharacterClass.isPrintable(value) { return nil }
            let digits = String(value, radix: 16)
            let (mark, width) = value < 0x100 ? ("x", 2) : value < 0x10000 ? ("u", 4) : ("U", 8)
            return "\\" + mark + String(repeating: "0", count: width - digits.count) + digits
        }
    }
}
