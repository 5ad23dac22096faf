extension Parser {
    static let constants: Set<String> = ["true", "false", "none", "True", "False", "None"]

    /// What an assignment or a loop stores into: a name, a namespace's attribute, or a tuple of those.
    mutating func target(endingAt end: String?, withAttributes: Bool = false) throws -> Statement.Target {
        let line = current.line
        var (items, isTuple) = ([Statement.Target](), false)
        while true {
            if !items.isEmpty { try expect(.comma) }
            if isTupleEnd(end) { break }
            items.append(try nested { try $0.simpleTarget(withAttributes: withAttributes) })
            guard isSymbol(.comma) else { break }
            isTuple = true
        }
        if !isTuple {
            guard let only = items.first else { throw failure("Expected an expression, got '\(current.description)'", line: line) }
            return only
        }
        return .tuple(items)
    }

    private mutating func simpleTarget(withAttributes: Bool) throws -> Statement.Target {
        let token = current
        switch token.kind {
        case .name(let name):
            _ = next()
            if Parser.constants.contains(name) { throw failure("can't assign to 'const'", line: token.line) }
            if withAttributes, skip(.dot) { return .attribute(occurrence(name), try expectName()) }
            return .name(occurrence(name))
        case .symbol(.leftParenthesis):
            _ = next()
            // Within parentheses Jinja reads any expression, and asks afterwards whether it can be assigned to.
            let start = index
            var items: [Statement.Target] = []
            var isTuple = false
            while !isSymbol(.rightParenthesis) {
                guard let item = try? nested({ try $0.simpleTarget(withAttributes: false) }) else {
                    index = start
                    _ = try tuple()
                    throw failure("can't assign to 'expression'", line: token.line)
                }
                items.append(item)
                guard skip(.comma) else { break }
                isTuple = true
            }
            try expect(.rightParenthesis)
            if !isTuple, let only = items.first { return only }
            return .tuple(items)
        case .string, .integer, .float, .symbol(.leftBracket), .symbol(.leftBrace):
            throw failure("can't assign to '\(token.description)'", line: token.line)
        default:
            throw failure("unexpected '\(token.description)'", line: token.line)
        }
    }

    func isTupleEnd(_ name: String?) -> Bool {
        switch current.kind {
        case .variableEnd, .blockEnd, .symbol(.rightParenthesis): true
        case .name(let found): found == name
        default: false
        }
    }
}
