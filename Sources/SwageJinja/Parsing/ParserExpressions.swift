extension Parser {
    /// One expression, or a tuple without parentheses.
    mutating func tuple(isConditional: Bool = true, endingAt end: String? = nil, isParenthesized: Bool = false) throws -> Expression {
        var (items, isTuple) = ([Expression](), false)
        while true {
            if !items.isEmpty { try expect(.comma) }
            if isTupleEnd(end) { break }
            items.append(try isConditional ? expression() : nested { try $0.or() })
            guard isSymbol(.comma) else { break }
            isTuple = true
        }
        if !isTuple {
            if let only = items.first { return only }
            if !isParenthesized { throw failure("Expected an expression, got '\(current.description)'") }
        }
        return .tuple(items)
    }

    mutating func expression() throws -> Expression { try nested { try $0.conditionalExpression() } }

    private mutating func conditionalExpression() throws -> Expression {
        var line = current.line
        var result = try or()
        while skip(name: "if") {
            try countLink()
            let test = try or()
            let otherwise = skip(name: "else") ? try expression() : nil
            result = .conditional(test: test, then: result, otherwise: otherwise, line: line)
            line = current.line
        }
        return result
    }

    /// Chains make trees as deep as they are long, and chains within chains deeper: what walks a tree, if only to release it,
    /// has a small stack.
    mutating func countLink() throws {
        links += 1
        if links > 250 { throw TemplateError(.limit, "a tag with more than 250 operators in chains", line: current.line) }
    }

    mutating func or() throws -> Expression {
        var result = try and()
        while skip(name: "or") {
            try countLink()
            result = .or(result, try and())
        }
        return result
    }

    private mutating func and() throws -> Expression {
        var result = try not()
        while skip(name: "and") {
            try countLink()
            result = .and(result, try not())
        }
        return result
    }

    private mutating func not() throws -> Expression {
        if skip(name: "not") { return .not(try nested { try $0.not() }) }
        return try comparison()
    }

    private mutating func comparison() throws -> Expression {
        let first = try sum()
        var rest: [(Expression.Comparison, Expression)] = []
        while let comparison = comparisonOperator() { rest.append((comparison, try sum())) }
        return rest.isEmpty ? first : .compare(first, rest)
    }

    private mutating func comparisonOperator() -> Expression.Comparison? {
        switch current.kind {
        case .symbol(let symbol):
            let found: Expression.Comparison? =
                switch symbol {
                case .equal: .equal
                case .notEqual: .notEqual
                case .less: .less
                case .lessEqual: .lessEqual
                case .greater: .greater
                case .greaterEqual: .greaterEqual
                default: nil
                }
            if found != nil { _ = next() }
            return found
        case .name("in"):
            _ = next()
            return .in
        case .name("not"):
            guard case .name("in") = following.kind else { return nil }
            (_, _) = (next(), next())
            return .notIn
        default: return nil
        }
    }

    private mutating func sum() throws -> Expression {
        let first = try concatenation()
        var rest: [(Expression.Arithmetic, Expression)] = []
        while true {
            if skip(.add) {
                rest.append((.add, try concatenation()))
            } else if skip(.subtract) {
                rest.append((.subtract, try concatenation()))
            } else {
                return rest.isEmpty ? first : .arithmetic(first, rest)
            }
        }
    }

    private mutating func concatenation() throws -> Expression {
        var items = [try product()]
        while skip(.tilde) { items.append(try product()) }
        return items.count == 1 ? items[0] : .concat(items)
    }

    private mutating func product() throws -> Expression {
        let first = try power()
        var rest: [(Expression.Arithmetic, Expression)] = []
        while case .symbol(let symbol) = current.kind {
            let found: Expression.Arithmetic
            switch symbol {
            case .multiply: found = .multiply
            case .divide: found = .divide
            case .floorDivide: found = .floorDivide
            case .modulo: found = .modulo
            default: return rest.isEmpty ? first : .arithmetic(first, rest)
            }
            _ = next()
            rest.append((found, try power()))
        }
        return rest.isEmpty ? first : .arithmetic(first, rest)
    }

    private mutating func power() throws -> Expression {
        let first = try unary()
        var rest: [(Expression.Arithmetic, Expression)] = []
        while skip(.power) { rest.append((.power, try unary())) }
        return rest.isEmpty ? first : .arithmetic(first, rest)
    }

    private mutating func unary(withFilter: Bool = true) throws -> Expression {
        var result: Expression
        if skip(.subtract) {
            result = .negative(try nested { try $0.unary(withFilter: false) })
        } else if skip(.add) {
            result = .positive(try nested { try $0.unary(withFilter: false) })
        } else {
            result = try primary()
        }
        result = try postfix(result)
        return withFilter ? try filtered(result) : result
    }

    mutating func primary() throws -> Expression {
        let token = current
        switch token.kind {
        case .name(let name):
            _ = next()
            switch name {
            case "true", "True": return .literal(.bool(true))
            case "false", "False": return .literal(.bool(false))
            case "none", "None": return .literal(.none)
            case "self": throw TemplateError(.unsupported, "the name 'self'", line: token.line)
            default: return .name(occurrence(name))
            }
        case .string(var text):
            _ = next()
            while case .string(let more) = current.kind {
                text.append(more)
                _ = next()
            }
            return .literal(.text(text))
        case .integer(let value):
            _ = next()
            return .literal(.int(value))
        case .float(let value):
            _ = next()
            return .literal(.float(value))
        case .symbol(.leftParenthesis):
            _ = next()
            let result = try nested { try $0.tuple(isParenthesized: true) }
            try expect(.rightParenthesis)
            return result
        case .symbol(.leftBracket): return try nested { try $0.list() }
        case .symbol(.leftBrace): return try nested { try $0.dict() }
        default: throw failure("unexpected '\(token.description)'")
        }
    }

    private mutating func list() throws -> Expression {
        _ = next()
        var items: [Expression] = []
        while !isSymbol(.rightBracket) {
            if !items.isEmpty { try expect(.comma) }
            if isSymbol(.rightBracket) { break }
            items.append(try expression())
        }
        try expect(.rightBracket)
        return .list(items)
    }

    private mutating func dict() throws -> Expression {
        _ = next()
        var items: [(key: Expression, value: Expression)] = []
        while !isSymbol(.rightBrace) {
            if !items.isEmpty { try expect(.comma) }
            if isSymbol(.rightBrace) { break }
            let key = try expression()
            try expect(.colon)
            items.append((key, try expression()))
        }
        try expect(.rightBrace)
        return .dict(items)
    }
}
