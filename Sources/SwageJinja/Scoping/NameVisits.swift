extension Expression {
    /// Visits the expressions right below this one.
    func visitChildren(_ visit: (Expression) throws -> Void) rethrows {
        switch self {
        case .literal, .name, .failure: break
        case .tuple(let items), .list(let items), .concat(let items): for item in items { try visit(item) }
        case .dict(let pairs):
            for pair in pairs {
                try visit(pair.key)
                try visit(pair.value)
            }
        case .conditional(let test, let then, let otherwise, _):
            try visit(test)
            try visit(then)
            if let otherwise { try visit(otherwise) }
        case .and(let left, let right), .or(let left, let right), .item(let left, let right):
            try visit(left)
            try visit(right)
        case .not(let operand), .negative(let operand), .positive(let operand), .attribute(let operand, _): try visit(operand)
        case .compare(let first, let rest):
            try visit(first)
            for (_, operand) in rest { try visit(operand) }
        case .arithmetic(let first, let rest):
            try visit(first)
            for (_, operand) in rest { try visit(operand) }
        case .slice(let operand, let bounds):
            try visit(operand)
            for bound in [bounds.start, bounds.stop, bounds.step] { if let bound { try visit(bound) } }
        case .call(let callee, let arguments, _):
            try visit(callee)
            try arguments.visit(visit)
        case .filter(let operand, _, let arguments, _):
            if let operand { try visit(operand) }
            try arguments.visit(visit)
        case .test(let operand, _, let arguments, _):
            try visit(operand)
            try arguments.visit(visit)
        }
    }

    /// Visits the names that an expression loads.
    func visitNames(_ visit: (Int) throws -> Void) rethrows {
        if case .name(let occurrence) = self { try visit(occurrence) }
        try visitChildren { try $0.visitNames(visit) }
    }
}

extension ArgumentList {
    func visit(_ visit: (Expression) throws -> Void) rethrows {
        for argument in positional { try visit(argument) }
        for keyword in keywords { try visit(keyword.value) }
        if let star { try visit(star) }
        if let doubleStar { try visit(doubleStar) }
    }
}

extension Statement.Target {
    /// Visits the names that are stored into; a namespace's name is loaded.
    func visitNames(store: (Int) throws -> Void, load: (Int) throws -> Void) rethrows {
        switch self {
        case .name(let occurrence): try store(occurrence)
        case .tuple(let items): for item in items { try item.visitNames(store: store, load: load) }
        case .attribute(let occurrence, _): try load(occurrence)
        }
    }
}

/// Finds which of some names are loaded before anything is stored under them, in the order in which Jinja visits its nodes.
struct UndeclaredNames {
    let names: [String]
    private var wanted: Set<String>
    private(set) var found: Set<String> = []

    init(_ names: [String], wanted: Set<String>, in statements: [Statement]) {
        self.names = names
        self.wanted = wanted
        visit(statements)
    }

    private mutating func load(_ occurrence: Int) { if wanted.contains(names[occurrence]) { found.insert(names[occurrence]) } }
    private mutating func store(_ occurrence: Int) { wanted.remove(names[occurrence]) }

    private mutating func visit(_ expression: Expression?) {
        guard let expression else { return }
        var loads: [Int] = []
        expression.visitNames { loads.append($0) }
        for occurrence in loads { load(occurrence) }
    }

    private mutating func visit(_ target: Statement.Target) {
        var stores: [Int] = []
        target.visitNames(store: { stores.append($0) }, load: { _ in })
        for occurrence in stores { store(occurrence) }
    }

    private mutating func visit(_ statements: [Statement]) { for statement in statements { visit(statement) } }

    private mutating func visit(_ macro: Statement.Macro) {
        for parameter in macro.parameters { store(parameter.occurrence) }
        for value in macro.defaults { visit(value) }
        visit(macro.body)
    }

    private mutating func visit(_ statement: Statement) {
        switch statement {
        case .text, .leave, .next: break
        case .output(let expression, _): visit(expression)
        case .conditional(let branches, let otherwise):
            for branch in branches {
                visit(branch.test)
                visit(branch.body)
            }
            visit(otherwise)
        case .loop(let loop):
            visit(loop.target)
            visit(loop.iterable)
            visit(loop.body)
            visit(loop.otherwise)
            visit(loop.test?.condition)
        case .assign(let target, let value, _):
            visit(target)
            visit(value)
        case .assignBlock(let block):
            visit(block.target)
            visit(block.filter)
            visit(block.body)
        case .macro(let macro), .generation(let macro): visit(macro)
        case .call(let call, let caller, _):
            visit(call)
            visit(caller)
        case .filter(let block):
            visit(block.body)
            visit(block.filter)
        case .with(let with):
            for target in with.targets { visit(target) }
            for value in with.values { visit(value) }
            visit(with.body)
        }
    }
}
