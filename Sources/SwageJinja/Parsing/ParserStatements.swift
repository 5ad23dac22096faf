extension Parser {
    mutating func statement(named name: String) throws -> [Statement] {
        let line = current.line
        switch name {
        case "for": return [try loop()]
        case "if": return [try conditional()]
        case "set": return [try assignment()]
        case "print": return try prints()
        case "macro": return [try macro()]
        case "with": return [try with()]
        case "call": return [try callBlock()]
        case "filter": return [try filterBlock()]
        case "generation":
            _ = next()
            let scope = newScopes()
            let body = try block(until: ["endgeneration"])
            _ = next()
            return [
                .generation(
                    Statement.Macro(name: nil, occurrence: -1, parameters: [], defaults: [], body: body, line: line, scope: scope))
            ]
        case "break":
            _ = next()
            return [.leave]
        case "continue":
            _ = next()
            return [.next]
        case "block", "extends", "include", "import", "from", "autoescape":
            throw TemplateError(.unsupported, "tag '\(name)'", line: line)
        default: throw endFailure(name)
        }
    }

    private mutating func loop() throws -> Statement {
        let line = next().line
        let scope = newScopes(3)
        let targetStart = index
        let target = try target(endingAt: "in")
        let targetEnd = index
        try expect(name: "in")
        let iterable = try tuple(isConditional: false, endingAt: "recursive")
        var test: (target: Statement.Target, condition: Expression)?
        if skip(name: "if") {
            // The filter gets occurrences of the target's names for itself.
            let resumption = index
            index = targetStart
            let own = try self.target(endingAt: "in")
            assert(index == targetEnd)
            index = resumption
            test = (own, try expression())
        }
        let isRecursive = skip(name: "recursive")
        let body = try block(until: ["endfor", "else"])
        var otherwise: [Statement] = []
        if case .name("else") = next().kind {
            otherwise = try block(until: ["endfor"])
            _ = next()
        }
        return .loop(
            Statement.Loop(
                target: target, iterable: iterable, body: body, otherwise: otherwise, test: test, isRecursive: isRecursive,
                line: line, scope: scope))
    }

    private mutating func conditional() throws -> Statement {
        var branches: [Statement.Branch] = []
        var line = next().line
        while true {
            let test = try tuple(isConditional: false)
            branches.append(Statement.Branch(test: test, body: try block(until: ["elif", "else", "endif"]), line: line))
            line = current.line
            switch next().kind {
            case .name("elif"): continue
            case .name("else"):
                let otherwise = try block(until: ["endif"])
                _ = next()
                return .conditional(branches, otherwise: otherwise)
            default: return .conditional(branches, otherwise: [])
            }
        }
    }

    private mutating func assignment() throws -> Statement {
        let line = next().line
        let target = try target(endingAt: nil, withAttributes: true)
        if skip(.assign) { return .assign(target, try tuple(), line: line) }
        let scope = newScopes()
        let filter = try filters(nil)
        let body = try block(until: ["endset"])
        _ = next()
        return .assignBlock(Statement.AssignBlock(target: target, filter: filter, body: body, line: line, scope: scope))
    }

    private mutating func prints() throws -> [Statement] {
        let line = next().line
        var result: [Statement] = []
        while true {
            if case .blockEnd = current.kind { return result }
            if !result.isEmpty { try expect(.comma) }
            result.append(.output(try expression(), line: line))
        }
    }

    private mutating func signature() throws -> (parameters: [(name: String, occurrence: Int)], defaults: [Expression]) {
        var (parameters, defaults) = ([(name: String, occurrence: Int)](), [Expression]())
        try expect(.leftParenthesis)
        while !isSymbol(.rightParenthesis) {
            if !parameters.isEmpty { try expect(.comma) }
            let name = try assignableName()
            if parameters.contains(where: { $0.name == name }) {
                throw failure("duplicate argument '\(name)' in function definition")
            }
            let occurrence = occurrence(name)
            if skip(.assign) {
                defaults.append(try expression())
            } else if !defaults.isEmpty {
                throw failure("non-default argument follows default argument")
            }
            parameters.append((name, occurrence))
        }
        try expect(.rightParenthesis)
        return (parameters, defaults)
    }

    private mutating func assignableName() throws -> String {
        let line = current.line
        let name = try expectName()
        if Parser.constants.contains(name) { throw failure("can't assign to 'name'", line: line) }
        return name
    }

    private mutating func macro() throws -> Statement {
        let line = next().line
        let name = try assignableName()
        let occurrence = occurrence(name)
        let scope = newScopes()
        let (parameters, defaults) = try signature()
        let body = try block(until: ["endmacro"])
        _ = next()
        return .macro(
            Statement.Macro(
                name: name, occurrence: occurrence, parameters: parameters, defaults: defaults, body: body, line: line,
                scope: scope))
    }

    private mutating func callBlock() throws -> Statement {
        let line = next().line
        let scope = newScopes()
        let (parameters, defaults) = isSymbol(.leftParenthesis) ? try signature() : ([], [])
        let call = try expression()
        guard case .call = call else { throw failure("expected call", line: line) }
        let body = try block(until: ["endcall"])
        _ = next()
        let caller = Statement.Macro(
            name: nil, occurrence: -1, parameters: parameters, defaults: defaults, body: body, line: line, scope: scope)
        return .call(call, caller: caller, line: line)
    }

    private mutating func filterBlock() throws -> Statement {
        let line = next().line
        let scope = newScopes()
        guard let filter = try filters(nil, startsInline: true) else { throw failure("expected a filter") }
        let body = try block(until: ["endfilter"])
        _ = next()
        return .filter(Statement.FilterBlock(filter: filter, body: body, line: line, scope: scope))
    }

    private mutating func with() throws -> Statement {
        let line = next().line
        let scope = newScopes()
        var (targets, values) = ([Statement.Target](), [Expression]())
        while true {
            if case .blockEnd = current.kind { break }
            if !targets.isEmpty { try expect(.comma) }
            targets.append(try target(endingAt: nil))
            try expect(.assign)
            values.append(try expression())
        }
        let body = try block(until: ["endwith"])
        _ = next()
        return .with(Statement.With(targets: targets, values: values, body: body, line: line, scope: scope))
    }
}
