/// Parses tokens into statements, in the order of Jinja's own parser.
struct Parser {
    let tokens: [Token]
    var index = 0
    /// The names by their occurrences.
    var names: [String] = []
    var scopeCount = 1
    var depth = 0
    /// Operators of chains in the tag that is being read.
    var links = 0
    let stack: StackGuard
    private var tags: [String] = []
    private var awaited: [[String]] = []

    init(_ source: String, limits: TemplateLimits) throws {
        tokens = try Lexer.tokens(source)
        stack = StackGuard(room: limits.stackBytes)
    }

    // MARK: Tokens

    var current: Token { tokens[index] }
    var following: Token { tokens[min(index + 1, tokens.count - 1)] }

    mutating func next() -> Token {
        let token = tokens[index]
        if index < tokens.count - 1 { index += 1 }
        return token
    }

    func isSymbol(_ symbol: Token.Symbol) -> Bool {
        if case .symbol(symbol) = current.kind { return true }
        return false
    }

    func isName(_ name: String) -> Bool {
        if case .name(name) = current.kind { return true }
        return false
    }

    mutating func skip(_ symbol: Token.Symbol) -> Bool {
        guard isSymbol(symbol) else { return false }
        _ = next()
        return true
    }

    mutating func skip(name: String) -> Bool {
        guard isName(name) else { return false }
        _ = next()
        return true
    }

    func failure(_ message: String, line: Int? = nil) -> TemplateError {
        TemplateError(.syntax, message, line: line ?? current.line)
    }

    private func unexpected(_ wanted: String) -> TemplateError {
        if case .end = current.kind { return failure("unexpected end of template, expected '\(wanted)'.") }
        return failure("expected token '\(wanted)', got '\(current.description)'")
    }

    mutating func expect(_ symbol: Token.Symbol) throws {
        guard skip(symbol) else { throw unexpected(symbol.rawValue) }
    }

    mutating func expect(name: String) throws {
        guard skip(name: name) else { throw unexpected(name) }
    }

    mutating func expectName() throws -> String {
        guard case .name(let name) = current.kind else { throw unexpected("name") }
        _ = next()
        return name
    }

    mutating func expectBlockEnd() throws {
        guard case .blockEnd = current.kind else { throw unexpected("end of statement block") }
        _ = next()
    }

    mutating func occurrence(_ name: String) -> Int {
        names.append(name)
        return names.count - 1
    }

    mutating func newScopes(_ count: Int = 1) -> Int {
        scopeCount += count
        return scopeCount - count
    }

    mutating func nested<Result>(_ body: (inout Parser) throws -> Result) throws -> Result {
        try stack.check()
        depth += 1
        if depth > 150 { throw TemplateError(.limit, "expressions or statements nested too deeply", line: current.line) }
        defer { depth -= 1 }
        return try body(&self)
    }

    // MARK: Statements

    mutating func template() throws -> [Statement] {
        try statements(until: [])
    }

    /// Statements up to one of some tags, with that tag's name still to be read.
    mutating func statements(until ends: [String]) throws -> [Statement] {
        try nested { parser in
            if !ends.isEmpty { parser.awaited.append(ends) }
            defer { if !ends.isEmpty { parser.awaited.removeLast() } }
            return try parser.body(until: ends)
        }
    }

    private mutating func body(until ends: [String]) throws -> [Statement] {
        var result: [Statement] = []
        while true {
            let token = current
            switch token.kind {
            case .end:
                if !ends.isEmpty { throw endFailure(nil) }
                return result
            case .data(let text):
                _ = next()
                result.append(.text(text))
            case .variableBegin:
                _ = next()
                links = 0
                result.append(.output(try tuple(), line: token.line))
                guard case .variableEnd = current.kind else { throw unexpected("end of print statement") }
                _ = next()
            case .blockBegin:
                _ = next()
                links = 0
                if case .name(let name) = current.kind, ends.contains(name) { return result }
                result.append(contentsOf: try statement())
                try expectBlockEnd()
            default:
                throw failure("unexpected '\(token.description)'")
            }
        }
    }

    /// The body of a tag: to its end, and through a tag that closes it.
    mutating func block(until ends: [String]) throws -> [Statement] {
        _ = skip(.colon)
        try expectBlockEnd()
        return try statements(until: ends)
    }

    private mutating func statement() throws -> [Statement] {
        guard case .name(let name) = current.kind else { throw failure("tag name expected") }
        tags.append(name)
        let result = try nested { try $0.statement(named: name) }
        tags.removeLast()
        return result
    }

    func endFailure(_ name: String?) -> TemplateError {
        var words = [name.map { "Encountered unknown tag '\($0)'." } ?? "Unexpected end of template."]
        if let last = awaited.last {
            let looked = last.map { "'\($0)'" }.joined(separator: " or ")
            if let name, awaited.contains(where: { $0.contains(name) }) {
                words.append("You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for \(looked).")
            } else {
                words.append("Jinja was looking for the following tags: \(looked).")
            }
        }
        let open = name == nil ? tags.last : tags.dropLast().last
        if let open { words.append("The innermost block that needs to be closed is '\(open)'.") }
        return failure(words.joined(separator: " "))
    }
}
