/// The names that a scope loads and stores, as Jinja's compiler tracks them.
final class Symbols {
    enum Load {
        case parameter
        /// Looked up in the context when the scope is entered.
        case resolve
        /// Taken from the variable of that level.
        case alias(level: Int)
        case undefined
    }

    let level: Int
    let parent: Symbols?
    private(set) var loads: [String: Load] = [:]
    private(set) var stores: Set<String> = []

    init(parent: Symbols?) {
        self.parent = parent
        level = parent.map { $0.level + 1 } ?? 0
    }

    private init(copying other: Symbols) {
        (level, parent, loads, stores) = (other.level, other.parent, other.loads, other.stores)
    }

    func copy() -> Symbols { Symbols(copying: self) }

    /// The level whose variable a name means.
    func level(of name: String) -> Int? {
        var symbols: Symbols? = self
        while let candidate = symbols {
            if candidate.loads[name] != nil { return candidate.level }
            symbols = candidate.parent
        }
        return nil
    }

    func load(_ name: String) {
        if level(of: name) == nil { loads[name] = .resolve }
    }

    func store(_ name: String) {
        stores.insert(name)
        if loads[name] != nil { return }
        loads[name] = parent?.level(of: name).map { .alias(level: $0) } ?? .undefined
    }

    func declare(_ name: String) {
        stores.insert(name)
        loads[name] = .parameter
    }

    /// What the branches of a condition store is known after it, and comes from outside where no branch has stored it.
    func merge(_ branches: [Symbols]) {
        let fresh = branches.reduce(into: Set<String>()) { $0.formUnion($1.stores) }.subtracting(stores)
        for branch in branches {
            loads.merge(branch.loads) { $1 }
            stores.formUnion(branch.stores)
        }
        for name in fresh { loads[name] = parent?.level(of: name).map { .alias(level: $0) } ?? .resolve }
    }
}

/// Finds the symbols of a scope in its statements, without those of the scopes within it.
struct SymbolVisitor {
    let names: [String]
    var symbols: Symbols

    func visit(_ expression: Expression?) { expression?.visitNames { symbols.load(names[$0]) } }

    func visit(_ target: Statement.Target, isParameter: Bool = false) {
        target.visitNames(
            store: { isParameter ? symbols.declare(names[$0]) : symbols.store(names[$0]) }, load: { symbols.load(names[$0]) })
    }

    mutating func visit(_ statements: [Statement]) { for statement in statements { visit(statement) } }

    mutating func visit(macro: Statement.Macro) {
        for parameter in macro.parameters { symbols.declare(parameter.name) }
        for value in macro.defaults { visit(value) }
        visit(macro.body)
    }

    private mutating func branch(_ body: (inout SymbolVisitor) -> Void) -> Symbols {
        let original = symbols
        symbols = original.copy()
        body(&self)
        defer { symbols = original }
        return symbols
    }

    private mutating func visit(_ statement: Statement) {
        switch statement {
        case .text, .leave, .next, .generation: break
        case .output(let expression, _): visit(expression)
        case .conditional(let branches, let otherwise): visit(branches, otherwise)
        case .loop(let loop): visit(loop.iterable)
        case .assign(let target, let value, _):
            visit(value)
            visit(target)
        case .assignBlock(let block): visit(block.target)
        case .macro(let macro): symbols.store(names[macro.occurrence])
        case .call(let call, _, _): visit(call)
        case .filter(let block): visit(block.filter)
        case .with(let with): for value in with.values { visit(value) }
        }
    }

    private mutating func visit(_ branches: [Statement.Branch], _ otherwise: [Statement]) {
        guard let first = branches.first else { return }
        visit(first.test)
        let body = branch { $0.visit(first.body) }
        let others = branch { visitor in
            for other in branches.dropFirst() { visitor.visit([other], []) }
        }
        let last = branch { $0.visit(otherwise) }
        symbols.merge([body, others, last])
    }
}
