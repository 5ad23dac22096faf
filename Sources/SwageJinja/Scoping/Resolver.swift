/// Gives each name its variable, by the rules of the functions that Jinja's compiler writes.
final class Resolver {
    /// A scope while its statements are visited.
    struct Frame {
        var symbols: Symbols
        var function: FunctionScope
        var isTopLevel = false
        /// Within a condition: what is unknown there fails only when it is reached.
        var isSoft = false
        var canLeave = false

        func inner() -> Frame {
            Frame(symbols: Symbols(parent: symbols), function: function, canLeave: canLeave)
        }

        func soft() -> Frame {
            var frame = self
            frame.isSoft = true
            return frame
        }
    }

    private let names: [String]
    private var references: [ScopeTable.Reference?]
    private var table = ScopeTable()
    private var globals: [String: Int] = [:]
    private var openLoops = 0
    private var line = 1

    private init(_ names: [String], scopeCount: Int) {
        self.names = names
        references = Array(repeating: nil, count: names.count)
        table.scopes = Array(repeating: ScopeTable.Scope(), count: scopeCount)
    }

    static func table(_ statements: [Statement], names: [String], scopeCount: Int) throws -> ScopeTable {
        let resolver = Resolver(names, scopeCount: scopeCount)
        let symbols = Symbols(parent: nil)
        var frame = Frame(symbols: symbols, function: FunctionScope(level: 0, parent: nil))
        frame.isTopLevel = true
        resolver.analyze(frame) { $0.visit(statements) }
        try resolver.visit(statements, frame)
        resolver.finish(0, frame, isFunction: true)
        let unknown = UndefinedReason("undefined")
        resolver.table.references = resolver.references.map { reference in
            reference ?? ScopeTable.Reference(hops: 0, slot: -1, exported: -1, reason: unknown)
        }
        return resolver.table
    }

    private func analyze(_ frame: Frame, _ body: (inout SymbolVisitor) -> Void) {
        var visitor = SymbolVisitor(names: names, symbols: frame.symbols)
        body(&visitor)
    }

    private func failure(_ message: String) -> TemplateError { TemplateError(.syntax, message, line: line) }

    private func global(_ name: String) -> Int {
        if let index = globals[name] { return index }
        table.globals.append(name)
        globals[name] = table.globals.count - 1
        return table.globals.count - 1
    }

    private func place(_ name: String, level: Int, _ function: FunctionScope) -> (hops: Int, slot: Int) {
        var (function, hops) = (function, 0)
        while function.level > level, let parent = function.parent { (function, hops) = (parent, hops + 1) }
        return (hops, function.slot(name, level: level))
    }

    /// Writes down what entering the scope loads.
    private func finish(_ scope: Int, _ frame: Frame, isFunction: Bool) {
        for (name, load) in frame.symbols.loads.sorted(by: { $0.key < $1.key }) {
            let slot = frame.function.slot(name, level: frame.symbols.level)
            table.scopes[scope].slots.append(slot)
            switch load {
            case .parameter: break
            case .resolve: table.scopes[scope].loads.append(.init(slot: slot, source: .context(global(name))))
            case .undefined: table.scopes[scope].loads.append(.init(slot: slot, source: .missing))
            case .alias(let level):
                let (hops, outer) = place(name, level: level, frame.function)
                table.scopes[scope].loads.append(.init(slot: slot, source: .variable(hops: hops, slot: outer)))
            }
        }
        if isFunction { table.scopes[scope].slotCount = frame.function.count }
    }

    private func reference(_ occurrence: Int, _ frame: Frame, isStored: Bool = false) throws {
        let name = names[occurrence]
        guard let level = frame.symbols.level(of: name) else {
            throw failure("Tried to resolve a name to a reference that was unknown to the frame ('\(name)')")
        }
        if isStored, name == "loop", openLoops > 0 { throw failure("Can't assign to special loop variable in for-loop target") }
        let (hops, slot) = place(name, level: level, frame.function)
        references[occurrence] = ScopeTable.Reference(
            hops: hops, slot: slot, exported: isStored && frame.isTopLevel ? global(name) : -1,
            reason: UndefinedReason("'\(name)' is undefined"))
    }

    private func visit(_ target: Statement.Target, _ frame: Frame) throws {
        try target.visitNames(store: { try reference($0, frame, isStored: true) }, load: { try reference($0, frame) })
    }

    private func visit(_ expression: Expression?, _ frame: Frame) throws {
        guard let expression else { return }
        switch expression {
        case .name(let occurrence): return try reference(occurrence, frame)
        case .filter(_, let filter, _, let line):
            if !frame.isSoft { try filter.check(line: line) }
        case .test(_, let test, _, let line):
            if !frame.isSoft { try test.check(line: line) }
        case .conditional:
            let soft = frame.soft()
            return try expression.visitChildren { try visit($0, soft) }
        default: break
        }
        try expression.visitChildren { try visit($0, frame) }
    }

    private func visit(_ statements: [Statement], _ frame: Frame) throws {
        for statement in statements { try visit(statement, frame) }
    }

    private func visit(_ statement: Statement, _ frame: Frame) throws {
        switch statement {
        case .text: break
        case .output(let expression, let line):
            self.line = line
            try visit(expression, frame)
        case .conditional(let branches, let otherwise):
            var soft = frame.soft()
            soft.symbols = frame.symbols.copy()
            for branch in branches {
                line = branch.line
                try visit(branch.test, soft)
                try visit(branch.body, soft)
            }
            try visit(otherwise, soft)
        case .loop(let loop): try visit(loop, frame)
        case .assign(let target, let value, let line):
            self.line = line
            try visit(target, frame)
            try visit(value, frame)
        case .assignBlock(let block):
            line = block.line
            let inner = frame.inner()
            analyze(inner) { $0.visit(block.body) }
            try visit(block.body, inner)
            line = block.line
            try visit(block.target, frame)
            try visit(block.filter, inner)
            finish(block.scope, inner, isFunction: false)
        case .macro(let macro):
            line = macro.line
            try visit(macro: macro, frame)
            try reference(macro.occurrence, frame)
            if frame.isTopLevel { references[macro.occurrence]?.exported = global(names[macro.occurrence]) }
        case .generation(let macro): try visit(macro: macro, frame)
        case .call(let call, let caller, let line):
            self.line = line
            try visit(macro: caller, frame)
            try visit(call, frame)
        case .filter(let block):
            line = block.line
            let inner = frame.inner()
            analyze(inner) {
                $0.visit(block.body)
                $0.visit(block.filter)
            }
            try visit(block.body, inner)
            try visit(block.filter, inner)
            finish(block.scope, inner, isFunction: false)
        case .with(let with):
            line = with.line
            let inner = frame.inner()
            analyze(inner) { visitor in
                for target in with.targets { visitor.visit(target, isParameter: true) }
                visitor.visit(with.body)
            }
            for target in with.targets { try target.visitNames(store: { try reference($0, inner) }, load: { _ in }) }
            for value in with.values { try visit(value, frame) }
            try visit(with.body, inner)
            finish(with.scope, inner, isFunction: false)
        case .leave:
            if !frame.canLeave { throw failure("'break' outside loop") }
        case .next:
            if !frame.canLeave { throw failure("'continue' not properly in loop") }
        }
    }

    private func visit(macro: Statement.Macro, _ frame: Frame) throws {
        var inner = frame.inner()
        inner.canLeave = false
        inner.function = FunctionScope(level: inner.symbols.level, parent: frame.function)
        analyze(inner) { $0.visit(macro: macro) }
        let undeclared = UndeclaredNames(names, wanted: ["caller", "kwargs", "varargs"], in: macro.body).found
        let given = macro.parameters.map(\.name)
        var scope = ScopeTable.Scope()
        scope.explicitCaller = given.lastIndex(of: "caller") ?? -1
        if undeclared.contains("caller") {
            if scope.explicitCaller < 0 {
                inner.symbols.declare("caller")
                scope.caller = inner.function.slot("caller", level: inner.symbols.level)
            } else if scope.explicitCaller < macro.parameters.count - macro.defaults.count {
                line = macro.line
                throw failure(
                    "When defining macros or call blocks the special \"caller\" argument must be omitted or be given a default.")
            }
        }
        if undeclared.contains("kwargs"), !given.contains("kwargs") {
            inner.symbols.declare("kwargs")
            scope.keywords = inner.function.slot("kwargs", level: inner.symbols.level)
        }
        if undeclared.contains("varargs"), !given.contains("varargs") {
            inner.symbols.declare("varargs")
            scope.rest = inner.function.slot("varargs", level: inner.symbols.level)
        }
        analyze(inner) { $0.visit(macro: macro) }
        table.scopes[macro.scope] = scope
        for parameter in macro.parameters { try reference(parameter.occurrence, inner) }
        for value in macro.defaults { try visit(value, inner) }
        try visit(macro.body, inner)
        finish(macro.scope, inner, isFunction: true)
    }

    private func visit(_ loop: Statement.Loop, _ frame: Frame) throws {
        line = loop.line
        openLoops += 1
        defer { openLoops -= 1 }
        var (body, otherwise, test) = (frame.inner(), frame.inner(), frame.inner())
        if loop.isRecursive {
            body.function = FunctionScope(level: body.symbols.level, parent: frame.function)
            otherwise.function = body.function
            otherwise.canLeave = false
        }
        body.canLeave = true
        let isExtended = loop.isRecursive || !UndeclaredNames(names, wanted: ["loop"], in: loop.body).found.isEmpty
        if isExtended {
            body.symbols.declare("loop")
            table.scopes[loop.scope].loop = body.function.slot("loop", level: body.symbols.level)
        }
        analyze(body) {
            $0.visit(loop.target, isParameter: true)
            $0.visit(loop.body)
        }
        analyze(otherwise) { $0.visit(loop.otherwise) }
        if let filter = loop.test {
            test.function = FunctionScope(level: test.symbols.level, parent: frame.function)
            analyze(test) {
                $0.visit(filter.target, isParameter: true)
                $0.visit(filter.condition)
            }
            try visit(filter.target, test)
            try visit(filter.condition, test)
            finish(loop.testScope, test, isFunction: true)
        }
        try visit(loop.target, body)
        try visit(loop.iterable, frame)
        try visit(loop.body, body)
        try visit(loop.otherwise, otherwise)
        finish(loop.otherwiseScope, otherwise, isFunction: false)
        finish(loop.scope, body, isFunction: loop.isRecursive)
    }
}
