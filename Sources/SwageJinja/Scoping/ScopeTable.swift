/// Where the variables are that names mean, and what is done when a scope is entered.
struct ScopeTable: Sendable {
    /// An occurrence of a name: so many functions outwards, at that slot.
    struct Reference: Sendable {
        var hops: Int
        var slot: Int
        /// Where the name is among the context's, if storing shows there too; -1 otherwise.
        var exported: Int
        var reason: UndefinedReason
    }

    struct Load: Sendable {
        enum Source: Sendable {
            case context(Int)
            case variable(hops: Int, slot: Int)
            case missing
        }
        var slot: Int
        var source: Source
    }

    struct Scope: Sendable {
        var loads: [Load] = []
        /// All slots of the scope, to be forgotten when it is left.
        var slots: [Int] = []
        /// Slots of the function that begins with this scope.
        var slotCount = 0
        /// The slots of what macros and loops are given beyond their own names; -1 for what they do not use.
        var caller = -1
        var keywords = -1
        var rest = -1
        var loop = -1
        /// The place of `caller` among the parameters; -1 where it is none of them.
        var explicitCaller = -1
    }

    var references: [Reference] = []
    var scopes: [Scope] = []
    /// The names that are looked up in the context.
    var globals: [String] = []
}

/// A function of the code that Jinja would compile: a macro, a recursive loop, a loop's filter, or the template.
final class FunctionScope {
    let level: Int
    let parent: FunctionScope?
    private var slots: [[String: Int]] = []
    private(set) var count = 0

    init(level: Int, parent: FunctionScope?) {
        self.level = level
        self.parent = parent
    }

    func slot(_ name: String, level: Int) -> Int {
        let index = level - self.level
        while slots.count <= index { slots.append([:]) }
        if let slot = slots[index][name] { return slot }
        slots[index][name] = count
        count += 1
        return count - 1
    }
}
