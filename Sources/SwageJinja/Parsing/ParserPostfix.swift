extension Parser {
    mutating func postfix(_ first: Expression) throws -> Expression {
        var result = first
        while case .symbol(let symbol) = current.kind {
            switch symbol {
            case .dot, .leftBracket: result = try subscripted(result)
            case .leftParenthesis: result = try call(result)
            default: return result
            }
            try countLink()
        }
        return result
    }

    mutating func filtered(_ first: Expression) throws -> Expression {
        var result = first
        while true {
            if isSymbol(.pipe) {
                result = try filters(result) ?? result
            } else if isName("is") {
                result = try test(result)
            } else if isSymbol(.leftParenthesis) {
                result = try call(result)
            } else {
                return result
            }
            try countLink()
        }
    }

    private mutating func call(_ callee: Expression) throws -> Expression {
        let line = current.line
        return .call(callee, try nested { try $0.arguments() }, line: line)
    }

    private mutating func subscripted(_ object: Expression) throws -> Expression {
        if skip(.dot) {
            let token = next()
            switch token.kind {
            case .name(let name): return .attribute(object, AttributeName(name))
            case .integer(let value): return .item(object, .literal(.int(value)))
            default: throw failure("expected name or number", line: token.line)
            }
        }
        let line = current.line
        try expect(.leftBracket)
        var items: [Expression] = []
        var slices: [Expression.SliceBounds] = []
        while !isSymbol(.rightBracket) {
            if items.count + slices.count > 0 { try expect(.comma) }
            switch try nested({ try $0.subscription() }) {
            case .index(let index): items.append(index)
            case .slice(let bounds): slices.append(bounds)
            }
        }
        try expect(.rightBracket)
        if items.isEmpty, slices.count == 1 { return .slice(object, slices[0]) }
        if !slices.isEmpty { throw failure("a slice within a tuple", line: line) }
        return .item(object, items.count == 1 ? items[0] : .tuple(items))
    }

    private enum Subscription {
        case index(Expression)
        case slice(Expression.SliceBounds)
    }

    private mutating func subscription() throws -> Subscription {
        var bounds = Expression.SliceBounds()
        if !skip(.colon) {
            let first = try expression()
            if !skip(.colon) { return .index(first) }
            bounds.start = first
        }
        if !isSymbol(.colon), !isSymbol(.rightBracket), !isSymbol(.comma) { bounds.stop = try expression() }
        if skip(.colon), !isSymbol(.rightBracket), !isSymbol(.comma) { bounds.step = try expression() }
        return .slice(bounds)
    }

    mutating func arguments() throws -> ArgumentList {
        let line = current.line
        try expect(.leftParenthesis)
        var (positional, keywords) = ([Expression](), [(name: String, value: Expression)]())
        var (star, doubleStar, isFirst): (Expression?, Expression?, Bool) = (nil, nil, true)
        while !isSymbol(.rightParenthesis) {
            if !isFirst {
                try expect(.comma)
                if isSymbol(.rightParenthesis) { break }
            }
            isFirst = false
            var isValid = true
            if skip(.multiply) {
                isValid = star == nil && doubleStar == nil
                star = try expression()
            } else if skip(.power) {
                isValid = doubleStar == nil
                doubleStar = try expression()
            } else if case .name(let name) = current.kind, case .symbol(.assign) = following.kind {
                isValid = doubleStar == nil
                (_, _) = (next(), next())
                if keywords.contains(where: { $0.name == name }) { throw failure("keyword argument repeated: \(name)", line: line) }
                keywords.append((name, try expression()))
            } else {
                isValid = star == nil && doubleStar == nil && keywords.isEmpty
                positional.append(try expression())
            }
            if !isValid { throw failure("invalid syntax for function call expression", line: line) }
        }
        try expect(.rightParenthesis)
        return ArgumentList(positional, keywords: keywords, star: star, doubleStar: doubleStar)
    }

    private mutating func dottedName() throws -> String {
        var name = try expectName()
        while skip(.dot) { name += "." + (try expectName()) }
        return name
    }

    /// The filters at this point around an operand, or around a block where there is none.
    mutating func filters(_ operand: Expression?, startsInline: Bool = false) throws -> Expression? {
        var (result, isInline) = (operand, startsInline)
        while isInline || isSymbol(.pipe) {
            if !isInline { _ = next() }
            isInline = false
            let line = current.line
            let name = try dottedName()
            let arguments = isSymbol(.leftParenthesis) ? try nested { try $0.arguments() } : ArgumentList()
            result = .filter(result, Filter(name), arguments, line: line)
            try countLink()
        }
        return result
    }

    private mutating func test(_ operand: Expression) throws -> Expression {
        let line = next().line
        let isNegated = skip(name: "not")
        let name = try dottedName()
        var arguments = ArgumentList()
        switch current.kind {
        case .symbol(.leftParenthesis): arguments = try nested { try $0.arguments() }
        case .name("else"), .name("or"), .name("and"): break
        case .name("is"): throw failure("You cannot chain multiple tests with is")
        case .name, .string, .integer, .float, .symbol(.leftBracket), .symbol(.leftBrace):
            let argument = try primary()
            arguments = ArgumentList([try postfix(argument)])
        default: break
        }
        let result = Expression.test(operand, Test(name), arguments, line: line)
        return isNegated ? .not(result) : result
    }
}
