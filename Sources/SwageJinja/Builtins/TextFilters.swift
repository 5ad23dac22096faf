extension Interpreter {
    func textFilter(_ filter: Filter.Builtin, _ text: Text) throws -> Value {
        switch filter {
        case .upper: .text(text.uppercased().asMarkup(text.isMarkup))
        case .lower: .text(text.lowercased().asMarkup(text.isMarkup))
        case .title: .text(text.titledWords())
        case .capitalize: .text(text.capitalized().asMarkup(text.isMarkup))
        case .striptags: .text(try text.withoutTags())
        case .wordcount: .int(wordCount(text))
        case .forceescape: .text(text.asMarkup(false).escaped())
        default: .text(text.escaped())
        }
    }

    func textFilter(_ filter: Filter.Builtin, _ value: Value, _ arguments: Arguments) throws -> Value {
        switch filter {
        case .replace:
            let values = try arguments.bound("replace", ["old", "new", "count"], required: 2)
            var limit = -1
            if let count = values[2] { if case .none = count {} else { limit = try integer(count) } }
            let source = try text(value)
            try meter.take(bytes: source.bytes.count)
            let result = try source.replacing(
                try text(values[0] ?? .none), with: try text(values[1] ?? .none), limit: limit, room: meter.textBytes)
            try meter.take(bytes: result.bytes.count)
            return .text(result.asMarkup(false))
        case .center:
            let width = try arguments.bound("center", ["width"])[0].map { try integer($0) } ?? 80
            let source = try text(value)
            return .text(try padded(source, width, "center", Text(" ")).asMarkup(source.isMarkup))
        case .format:
            if !arguments.positional.isEmpty, !arguments.keywords.isEmpty {
                throw TemplateError(
                    .evaluation, "FilterArgumentError: can't handle positional and keyword arguments at the same time")
            }
            var operand = try Value.tuple(arguments.positional)
            if !arguments.keywords.isEmpty {
                var pairs = OrderedPairs()
                for keyword in arguments.keywords { try pairs.set(.string(keyword.name), keyword.value) }
                operand = .dict(try DictValue(pairs))
            }
            var formatter = PercentFormat(try text(value), operand)
            let result = try formatter.formatted()
            try meter.take(bytes: result.bytes.count)
            return .text(result)
        case .indent: return .text(try indented(value, arguments))
        case .truncate: return try truncated(value, arguments)
        default:
            _ = try arguments.bound("urlencode", [])
            return .text(try urlEncoded(value))
        }
    }

    private func indented(_ value: Value, _ arguments: Arguments) throws -> Text {
        let values = try arguments.bound("indent", ["width", "first", "blank"])
        let indention: Text
        if case .text(let text) = values[0] {
            indention = text
        } else {
            let width = try values[0].map { try integer($0) } ?? 4
            try meter.take(bytes: max(0, width))
            indention = Text([UInt8](repeating: 32, count: max(0, width)))
        }
        try value.checkDefined()
        guard case .text(var text) = value else {
            throw TemplateError.type("unsupported operand type(s) for +=: '\(value.typeName)' and 'str'")
        }
        text.append("\n")
        let lines = text.lines()
        try meter.take(bytes: text.bytes.count + lines.count * (indention.bytes.count + 1))
        let isBlankIndented = try values[2]?.isTrue() ?? false
        var result = Text()
        if try values[1]?.isTrue() ?? false { result.append(indention) }
        for (index, line) in lines.enumerated() {
            if index > 0 {
                result.append("\n")
                if isBlankIndented || !line.isEmpty { result.append(indention) }
            }
            result.append(line)
        }
        return result.asMarkup(text.isMarkup)
    }

    private func truncated(_ value: Value, _ arguments: Arguments) throws -> Value {
        let values = try arguments.bound("truncate", ["length", "killwords", "end", "leeway"])
        if case .float(let length) = values[0], Double(try value.length()) <= length { return value }
        let length = try values[0].map { try integer($0) } ?? 255
        let end = values[2] ?? .string("...")
        let endLength = try end.length()
        var leeway = 5
        if let given = values[3] { if case .none = given {} else { leeway = try integer(given) } }
        if length < endLength { throw TemplateError(.evaluation, "AssertionError: expected length >= \(endLength), got \(length)") }
        if leeway < 0 { throw TemplateError(.evaluation, "AssertionError: expected leeway >= 0, got \(leeway)") }
        if try value.length() <= length &+ leeway { return value }
        guard case .text(let text) = value, case .text(let mark) = end else {
            throw TemplateError.type("truncate needs texts, not \(value.typeName) and \(end.typeName)")
        }
        var result = text.slice(0, text.offset(of: length - endLength))
        if try !(values[1]?.isTrue() ?? false) { result = result.splitFromEnd(Text(" "), limit: 1)[0] }
        return .text(result.asMarkup(text.isMarkup).adding(mark))
    }

    private func wordCount(_ text: Text) -> Int {
        var (count, position, isInWord) = (0, 0, false)
        while position < text.bytes.count {
            let (scalar, length) = text.scalar(at: position)
            let isWord = CharacterClass.isWord(scalar)
            if isWord, !isInWord { count += 1 }
            isInWord = isWord
            position += length
        }
        return count
    }

    private func quoted(_ value: Value, isQuery: Bool) throws -> Text {
        let text = try text(value)
        try meter.take(bytes: 3 * text.bytes.count)
        var result = Text()
        for (index, byte) in text.bytes.enumerated() {
            let owner = text.owner(at: index)
            switch byte {
            case 48...57, 65...90, 97...122, 0x5F, 0x2E, 0x2D, 0x7E: result.append(CollectionOfOne(byte), owner: owner)
            case 0x2F where !isQuery: result.append(CollectionOfOne(byte), owner: owner)
            case 0x20 where isQuery: result.append(CollectionOfOne(0x2B), owner: owner)
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result.append((digits.count == 1 ? "%0" : "%") + digits, owner: owner)
            }
        }
        return result
    }

    private func urlEncoded(_ value: Value) throws -> Text {
        let items: [Value]
        switch value {
        case .text: return try quoted(value, isQuery: false)
        case .dict(let dict): items = try DictViewValue(.items, dict).items()
        default:
            do {
                items = try value.items(meter)
            } catch let error as TemplateError where error.message.contains("not iterable") {
                return try quoted(value, isQuery: false)
            }
        }
        var parts: [Text] = []
        for item in items {
            let pair = try item.items(meter)
            if pair.count != 2 { throw TemplateError.value("not enough values to unpack (expected 2, got \(pair.count))") }
            parts.append(Text("=").joining([try quoted(pair[0], isQuery: true), try quoted(pair[1], isQuery: true)]))
        }
        return Text("&").joining(parts)
    }
}
