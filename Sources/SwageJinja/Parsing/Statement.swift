/// A statement, or the text between statements.
indirect enum Statement: Sendable {
    case text(Text)
    case output(Expression, line: Int)
    case conditional([Branch], otherwise: [Statement])
    case loop(Loop)
    case assign(Target, Expression, line: Int)
    case assignBlock(AssignBlock)
    case macro(Macro)
    case call(Expression, caller: Macro, line: Int)
    /// A `{% generation %}` block, which is a call block to Jinja.
    case generation(Macro)
    case filter(FilterBlock)
    case with(With)
    case leave, next

    struct Branch: Sendable {
        var test: Expression
        var body: [Statement]
        var line: Int
    }

    indirect enum Target: Sendable {
        case name(Int)
        case tuple([Target])
        case attribute(Int, String)
    }

    final class Loop: Sendable {
        let target: Target
        let iterable: Expression
        let body: [Statement]
        let otherwise: [Statement]
        /// The filter, with a target of its own, because it runs ahead of the body.
        let test: (target: Target, condition: Expression)?
        let isRecursive: Bool
        let line: Int
        /// Numbers in the table of scopes: of the body, of the else branch, of the filter.
        let scope: Int
        let otherwiseScope: Int
        let testScope: Int

        init(
            target: Target, iterable: Expression, body: [Statement], otherwise: [Statement],
            test: (target: Target, condition: Expression)?, isRecursive: Bool, line: Int, scope: Int
        ) {
            self.target = target
            self.iterable = iterable
            self.body = body
            self.otherwise = otherwise
            self.test = test
            self.isRecursive = isRecursive
            self.line = line
            self.scope = scope
            otherwiseScope = scope + 1
            testScope = scope + 2
        }
    }

    final class Macro: Sendable {
        let name: String?
        /// The occurrence at which the name is stored, for what is no call block.
        let occurrence: Int
        let parameters: [(name: String, occurrence: Int)]
        /// The values of the last parameters, where they are not given.
        let defaults: [Expression]
        let body: [Statement]
        let line: Int
        let scope: Int

        init(
            name: String?, occurrence: Int, parameters: [(name: String, occurrence: Int)], defaults: [Expression],
            body: [Statement], line: Int, scope: Int
        ) {
            self.name = name
            self.occurrence = occurrence
            self.parameters = parameters
            self.defaults = defaults
            self.body = body
            self.line = line
            self.scope = scope
        }
    }

    struct AssignBlock: Sendable {
        var target: Target
        var filter: Expression?
        var body: [Statement]
        var line: Int
        var scope: Int
    }

    struct FilterBlock: Sendable {
        var filter: Expression
        var body: [Statement]
        var line: Int
        var scope: Int
    }

    struct With: Sendable {
        var targets: [Target]
        var values: [Expression]
        var body: [Statement]
        var line: Int
        var scope: Int
    }
}
