extension Interpreter {
    /// A method of Python's `str`, or of markup, which escapes what it is given to put in and gives markup.
    func call(_ name: String, _ text: Text, _ arguments: Arguments) throws -> Value {
        guard text.isMarkup else { return try callPlain(name, text, arguments) }
        var arguments = arguments
        switch name {
        case "format": throw TemplateError.unsupported("method 'format' of markup")
        case "join":
            let items = try arguments.only(name, 1...1)[0].items(meter)
            arguments.positional = [try .list(items.map { .text(try self.text($0).escaped()) })]
        case "replace" where arguments.positional.count > 1, "ljust" where arguments.positional.count > 1,
            "rjust" where arguments.positional.count > 1, "center" where arguments.positional.count > 1:
            arguments.positional[1] = .text(try self.text(arguments.positional[1]).escaped())
        default: break
        }
        return try callPlain(name, text.asMarkup(false), arguments).asMarkup()
    }

    private func callPlain(_ name: String, _ text: Text, _ arguments: Arguments) throws -> Value {
        try meter.take(bytes: text.bytes.count)
        switch name {
        case "split", "rsplit": return try split(name, text, arguments)
        case "format":
            var formatter = FieldFormat(text, arguments, self)
            return .text(try formatter.formatted())
        case "splitlines":
            let keeps = try arguments.bound(name, ["keepends"])[0]
            try meter.takeValues(text.occurrences(of: [10], 0, text.bytes.count))
            return try .list(text.lines(keepingEnds: try keeps.map { try integer($0) != 0 } ?? false).map { .text($0) })
        case "expandtabs": return .text(try expanded(text, try arguments.bound(name, ["tabsize"])[0]))
        case "encode", "translate", "maketrans", "format_map": throw TemplateError.unsupported("method '\(name)' of a text")
        default: break
        }
        switch name {
        case "strip", "lstrip", "rstrip":
            let values = try arguments.only(name, 0...1)
            let set = try values.first.flatMap { try optionalText($0, "\(name) arg must be None or str") }
            return .text(text.stripped(left: name != "rstrip", right: name != "lstrip", of: set))
        case "startswith", "endswith", "find", "rfind", "index", "rindex", "count": return try search(name, text, arguments)
        case "replace":
            let values = try arguments.only(name, 2...3)
            let limit = values.count > 2 ? try integer(values[2]) : -1
            let result = try text.replacing(
                try wantedText(values[0], "replace() argument 1"), with: try wantedText(values[1], "replace() argument 2"), limit: limit,
                room: meter.textBytes)
            try meter.take(bytes: result.bytes.count)
            return .text(result)
        case "join": return .text(try joined(text, try arguments.only(name, 1...1)[0]))
        case "removeprefix", "removesuffix":
            let affix = try wantedText(try arguments.only(name, 1...1)[0], "\(name)() argument").bytes
            if name == "removeprefix" { return .text(text.hasPrefix(affix) ? text.slice(affix.count, text.bytes.count) : text) }
            let isThere = !affix.isEmpty && text.hasSuffix(affix)
            return .text(isThere ? text.slice(0, text.bytes.count - affix.count) : text)
        case "partition", "rpartition": return try partition(name, text, try arguments.only(name, 1...1)[0])
        case "zfill":
            let missing = try integer(try arguments.only(name, 1...1)[0]) - text.count
            try meter.take(bytes: max(0, missing))
            let isSigned = text.bytes.first == 0x2B || text.bytes.first == 0x2D
            let padded = text.slice(isSigned ? 1 : 0, text.bytes.count).padded(left: missing, right: 0, with: Text("0"))
            var result = text.slice(0, isSigned ? 1 : 0)
            result.append(padded)
            return .text(result)
        case "ljust", "rjust", "center":
            let values = try arguments.only(name, 1...2)
            let fill = values.count > 1 ? try wantedText(values[1], "the fill character") : Text(" ")
            if fill.count != 1 { throw TemplateError.type("The fill character must be exactly one character long") }
            return .text(try padded(text, try integer(values[0]), name, fill))
        default:
            _ = try arguments.only(name, 0...0)
            return try plain(name, text)
        }
    }

    private func plain(_ name: String, _ text: Text) throws -> Value {
        switch name {
        case "upper": .text(text.uppercased())
        case "lower": .text(text.lowercased())
        case "title": .text(text.titled())
        case "capitalize": .text(text.capitalized())
        case "swapcase": .text(text.swappedCase())
        case "casefold":
            if text.isASCII { .text(text.lowercased()) } else { throw TemplateError.unsupported("casefold of other than ASCII") }
        case "isdigit": .bool(text.satisfies(CharacterClass.isDigit))
        case "isdecimal": .bool(text.satisfies(CharacterClass.isDecimal))
        case "isnumeric": .bool(text.satisfies(CharacterClass.isNumeric))
        case "isalpha": .bool(text.satisfies(CharacterClass.isAlpha))
        case "isalnum": .bool(text.satisfies(CharacterClass.isAlphanumeric))
        case "isspace": .bool(text.satisfies(CharacterClass.isSpace))
        case "isprintable": .bool(text.isEmpty || text.satisfies(CharacterClass.isPrintable))
        case "isascii": .bool(text.isASCII)
        case "isupper": .bool(text.isUpper)
        case "islower": .bool(text.isLower)
        case "istitle": .bool(text.isTitle)
        case "isidentifier":
            .bool(text.satisfies(CharacterClass.isWord) && !CharacterClass.isNumeric(text.scalar(at: 0).value))
        default: throw TemplateError.unsupported("method '\(name)' of a text")
        }
    }

    // MARK: Arguments

    func integer(_ value: Value) throws -> Int {
        if let index = value.index { return index }
        throw TemplateError.type("'\(value.typeName)' object cannot be interpreted as an integer")
    }

    func wantedText(_ value: Value, _ what: String) throws -> Text {
        if case .text(let text) = value { return text }
        throw TemplateError.type("\(what) must be str, not \(value.typeName)")
    }

    func optionalText(_ value: Value, _ message: String) throws -> Text? {
        switch value {
        case .none: return nil
        case .text(let text): return text
        default: throw TemplateError.type(message)
        }
    }

    func padded(_ text: Text, _ width: Int, _ name: String, _ fill: Text) throws -> Text {
        let count = text.count
        if width <= count { return text }
        let missing = width - count
        try meter.take(bytes: missing)
        switch name {
        case "ljust": return text.padded(left: 0, right: missing, with: fill)
        case "rjust": return text.padded(left: missing, right: 0, with: fill)
        default:
            let left = missing / 2 + (missing & width & 1)
            return text.padded(left: left, right: missing - left, with: fill)
        }
    }

    func joined(_ separator: Text, _ items: Value) throws -> Text {
        let iterated: [Value]
        do {
            iterated = try items.items(meter)
        } catch let error as TemplateError where error.message.contains("not iterable") {
            throw TemplateError.type("can only join an iterable")
        }
        var parts: [Text] = []
        for (index, item) in iterated.enumerated() {
            guard case .text(let part) = item else {
                throw TemplateError.type("sequence item \(index): expected str instance, \(item.typeName) found")
            }
            parts.append(part)
        }
        return try joined(separator, parts)
    }

    func joined(_ separator: Text, _ parts: [Text]) throws -> Text {
        try meter.take(bytes: parts.reduce(0) { $0 + $1.bytes.count + separator.bytes.count })
        return separator.joining(parts)
    }

    private func split(_ name: String, _ text: Text, _ arguments: Arguments) throws -> Value {
        let values = try arguments.bound(name, ["sep", "maxsplit"])
        let limit = try values[1].map { try integer($0) } ?? -1
        let separator = try values[0].flatMap { try optionalText($0, "must be str or None, not \($0.typeName)") }
        try meter.takeValues(separator.map { text.occurrences(of: $0.bytes, 0, text.bytes.count) } ?? text.bytes.count / 4)
        guard let separator else {
            return try .list((name == "split" ? text.splitAtSpace(limit: limit) : text.splitAtSpaceFromEnd(limit: limit)).map { .text($0) })
        }
        if separator.isEmpty { throw TemplateError.value("empty separator") }
        let parts = name == "split" ? text.split(separator, limit: limit) : text.splitFromEnd(separator, limit: limit)
        return try .list(parts.map { .text($0) })
    }

    private func partition(_ name: String, _ text: Text, _ separator: Value) throws -> Value {
        let separator = try wantedText(separator, "the separator")
        if separator.isEmpty { throw TemplateError.value("empty separator") }
        let found = name == "partition" ? text.find(separator.bytes) : text.findLast(separator.bytes)
        guard let found else {
            let parts = name == "partition" ? [text, Text(), Text()] : [Text(), Text(), text]
            return try .tuple(parts.map { .text($0) })
        }
        let end = found + separator.bytes.count
        return try .tuple([.text(text.slice(0, found)), .text(text.slice(found, end)), .text(text.slice(end, text.bytes.count))])
    }

    private func expanded(_ text: Text, _ size: Value?) throws -> Text {
        let size = try size.map { try integer($0) } ?? 8
        var (result, column) = (Text(), 0)
        for character in text.characters() {
            if character.bytes == [9] {
                let count = size > 0 ? size - column % size : 0
                try meter.take(bytes: count)
                result.append(Text([UInt8](repeating: 32, count: max(0, count)), owner: character.owner))
                column += count
            } else {
                result.append(character)
                column = character.bytes == [10] || character.bytes == [13] ? 0 : column + 1
            }
        }
        return result
    }

    /// The methods that look for a text between two positions.
    private func search(_ name: String, _ text: Text, _ arguments: Arguments) throws -> Value {
        let values = try arguments.only(name, 1...3)
        let count = text.count
        func position(_ index: Int, _ otherwise: Int) throws -> Int {
            guard values.count > index else { return otherwise }
            if case .none = values[index] { return otherwise }
            guard let found = values[index].index else {
                throw TemplateError.type("slice indices must be integers or None or have an __index__ method")
            }
            return found < 0 ? max(0, found &+ count) : found
        }
        let (from, to) = (try position(1, 0), min(try position(2, count), count))
        let isASCII = count == text.bytes.count
        let (low, high) = from > to ? (1, 0) : isASCII ? (from, to) : (text.offset(of: from), text.offset(of: to))
        if name == "startswith" || name == "endswith" {
            let options: [Value]
            if case .tuple(let items) = values[0] { options = items.items } else { options = [values[0]] }
            for option in options {
                guard case .text(let affix) = option else {
                    throw TemplateError.type("\(name) first arg must be str or a tuple of str, not \(values[0].typeName)")
                }
                if low > high { continue }
                if name == "startswith" ? text.hasPrefix(affix.bytes, low, high) : text.hasSuffix(affix.bytes, low, high) {
                    return .bool(true)
                }
            }
            return .bool(false)
        }
        let needle = try wantedText(values[0], "must be str").bytes
        if name == "count" { return .int(low > high ? 0 : text.occurrences(of: needle, low, high)) }
        let isLast = name.hasPrefix("r")
        let found = low > high ? nil : isLast ? text.findLast(needle, low, high) : text.find(needle, low, high)
        guard let found else {
            if name.hasSuffix("find") { return .int(-1) }
            throw TemplateError.value("substring not found")
        }
        return .int(isASCII ? found : text.slice(0, found).count)
    }
}
