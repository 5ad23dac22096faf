/// A filter by its name.
struct Filter: Sendable {
    enum Builtin: String, CaseIterable, Sendable {
        case abs, attr, batch, capitalize, center, count, d, `default`, dictsort, e, escape, first, float, forceescape, format
        case groupby, indent, int, items, join, last, length, list, lower, map, max, min, reject, rejectattr, replace, reverse, round
        case safe, select, selectattr, slice, sort, string, striptags, sum, title, tojson, trim, truncate, unique, upper, urlencode
        case wordcount
    }

    static let refused: Set<String> = ["filesizeformat", "pprint", "random", "urlize", "wordwrap", "xmlattr"]

    let name: String
    let builtin: Builtin?

    init(_ name: String) {
        self.name = name
        builtin = Builtin(rawValue: name)
    }

    /// An error where there is no such filter.
    func check(line: Int) throws {
        if builtin != nil { return }
        if Filter.refused.contains(name) { throw TemplateError(.unsupported, "filter '\(name)'", line: line) }
        throw TemplateError(.syntax, "No filter named '\(name)'.", line: line)
    }

    static func isKnown(_ name: String) -> Bool { Builtin(rawValue: name) != nil || refused.contains(name) }
}

extension Interpreter {
    func apply(_ filter: Filter, _ value: Value, _ arguments: Arguments) throws -> Value {
        guard let builtin = filter.builtin else {
            if Filter.refused.contains(filter.name) { throw TemplateError.unsupported("filter '\(filter.name)'") }
            throw TemplateError(.evaluation, "TemplateRuntimeError: No filter named '\(filter.name)' found.")
        }
        func bound(_ names: String..., required: Int = 0) throws -> [Value?] {
            if arguments.positional.isEmpty, arguments.keywords.isEmpty, required == 0 { return Array(repeating: nil, count: names.count) }
            return try arguments.bound(filter.name, names, required: required)
        }
        switch builtin {
        case .default, .d:
            let values = try bound("default_value", "boolean")
            let isMissing = try value.isUndefined || (values[1]?.isTrue() ?? false) && !value.isTrue()
            return isMissing ? values[0] ?? .text(Text()) : value
        case .length, .count:
            _ = try bound()
            if case .text(let text) = value { try meter.spend(text.bytes.count >> 6) }
            return .int(try value.length())
        case .tojson: return .text(try json(value, try bound("ensure_ascii", "indent", "separators", "sort_keys")))
        case .trim:
            let set = try bound("chars")[0].flatMap { try optionalText($0, "strip arg must be None or str") }
            let source = try text(value)
            return .text(source.stripped(of: set).asMarkup(source.isMarkup))
        case .string, .safe:
            _ = try bound()
            let source = try text(value)
            return .text(builtin == .safe ? source.asMarkup() : source)
        case .upper, .lower, .title, .capitalize, .escape, .e, .forceescape, .striptags, .wordcount:
            _ = try bound()
            let text = try text(value)
            try meter.take(bytes: text.bytes.count)
            return try textFilter(builtin, text)
        case .replace, .center, .format, .indent, .truncate, .urlencode: return try textFilter(builtin, value, arguments)
        case .abs, .int, .float, .round: return try numberFilter(builtin, value, arguments)
        case .join:
            let values = try bound("d", "attribute")
            return .text(try join(value, values[0], values[1]))
        case .first:
            _ = try bound()
            var position = 0
            return try value.iteration().next(&position) ?? .undefined(UndefinedReason("No first item, sequence was empty."))
        case .last:
            _ = try bound()
            guard let items = try reversible(value) else { throw TemplateError.type("'\(value.typeName)' object is not reversible") }
            return items.last ?? .undefined(UndefinedReason("No last item, sequence was empty."))
        case .list:
            _ = try bound()
            if case .text(let text) = value { try meter.takeValues(text.bytes.count) }
            return try .list(try value.items(meter))
        case .reverse:
            _ = try bound()
            return try reversed(value)
        case .attr:
            let name = try bound("name", required: 1)[0] ?? .none
            let string = try wantedText(name, "attribute name").string
            try value.checkDefined()
            return try property(string, of: value) ?? Interpreter.absent(string, value)
        case .items:
            _ = try bound()
            return try itemsFilter(value)
        case .map, .select, .reject, .selectattr, .rejectattr: return try lazyFilter(builtin, value, arguments)
        case .batch, .slice: return try groupingFilter(builtin, value, arguments)
        case .sort, .unique, .min, .max, .sum, .groupby, .dictsort: return try orderFilter(builtin, value, arguments)
        }
    }
}
