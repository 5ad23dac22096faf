import Swage

/// A regular expression as steps of a machine.
struct RegularExpressionProgram: Sendable {
    enum Step: Sendable {
        /// One scalar of a set.
        case set(Int)
        /// Scalars of a set, as many as there are; fewer, down to the minimum, where what follows needs it.
        case run(set: Int, minimum: Int, maximum: Int, RunKind)
        /// Goes on at the first of two places, and at the other if that leads to no match.
        case fork(Int, Int)
        /// The same for a list of places by the class of the next scalar.
        case dispatch(Int)
        case jump(Int)
        /// What is matched up to the place given, once and for all; then goes on there.
        case atomic(end: Int)
        case look(end: Int, isNegated: Bool)
        /// The places at which alternatives begin, and how far back each looks.
        case lookBack(table: Int, end: Int, isNegated: Bool)
        case assertion(RegularExpressionNode.Assertion)
        /// The end of the whole, or of what is looked for.
        case match
    }

    enum RunKind: Sendable {
        /// Nothing shorter could lead to a match.
        case whole
        case greedy
        case lazy
    }

    static let maximumSteps = 20_000
    private(set) var steps: [Step] = []
    /// For each dispatch and each class, then for the end of the text: the places to try, in order.
    private(set) var dispatches: [[[Int]]] = []
    private(set) var lookBacks: [[(start: Int, length: Int)]] = []
    let classes: ScalarClasses
    /// The bits of the classes with which a match can begin; nil if it can be empty.
    let first: [UInt64]?
    let canBeEmpty: Bool
    /// What `\b` takes for a part of a word, and the classes of line breaks.
    let wordSet: Int
    let lineBreakSet: Int

    private var sets: [ScalarSet] = []

    init(_ node: RegularExpressionNode, _ version: UnicodeProperties.Version) throws {
        var sets: [ScalarSet] = []
        for set in node.sets + [node.firstScalars] where !sets.contains(set) { sets.append(set) }
        if node.hasAssertions {
            wordSet = sets.count
            lineBreakSet = sets.count + 1
            sets += [UnicodeProperties.shorthand("w", version) ?? .none, ScalarSet(["\n"])]
        } else {
            (wordSet, lineBreakSet) = (0, 0)
        }
        self.sets = sets
        classes = try ScalarClasses(sets)
        canBeEmpty = node.canBeEmpty
        let firstSet = (sets.firstIndex(of: node.firstScalars) ?? 0) * ScalarClasses.wordsPerMask
        first = node.canBeEmpty ? nil : Array(classes.masks[firstSet..<firstSet + ScalarClasses.wordsPerMask])
        try add(node, following: .all, isLast: true)
        steps.append(.match)
    }

    private func index(of set: ScalarSet) -> Int { sets.firstIndex(of: set) ?? 0 }

    private mutating func emit(_ step: Step) throws -> Int {
        guard steps.count < Self.maximumSteps else {
            throw TrainerError(.unsupported, "a regular expression takes more than \(Self.maximumSteps) steps", expected: "a shorter one")
        }
        steps.append(step)
        return steps.count - 1
    }

    /// - Parameters:
    ///   - following: what a match that goes on after the node must go on with; all if that is not known, or if it may end there.
    ///   - isLast: whether the match ends after the node.
    private mutating func add(_ node: RegularExpressionNode, following: ScalarSet, isLast: Bool = false) throws {
        switch node {
        case .set(let set): _ = try emit(.set(index(of: set)))
        case .sequence(let parts):
            for (place, part) in parts.enumerated() {
                let rest = RegularExpressionNode.sequence(Array(parts[(place + 1)...]))
                let isNext = !rest.canBeEmpty
                try add(part, following: isNext ? rest.firstScalars : .all, isLast: isLast && place == parts.count - 1)
            }
        case .alternatives(let parts): try add(alternatives: parts, following: following, isLast: isLast)
        case .repeated(let part, let minimum, let maximum, let greed):
            try add(part, minimum, maximum, greed, following: following, isLast: isLast)
        case .atomic(let part): try addAtomic { try $0.add(part, following: .all, isLast: true) }
        case .lookahead(let part, let isNegated):
            let start = try emit(.match)
            try add(part, following: .all, isLast: true)
            let end = try emit(.match) + 1
            steps[start] = .look(end: end, isNegated: isNegated)
        case .lookbehind(let part, let isNegated):
            let start = try emit(.match)
            let parts = if case .alternatives(let parts) = part { parts } else { [part] }
            var table: [(start: Int, length: Int)] = []
            for part in parts {
                table.append((steps.count, part.length ?? 0))
                try add(part, following: .all, isLast: true)
                _ = try emit(.match)
            }
            lookBacks.append(table)
            steps[start] = .lookBack(table: lookBacks.count - 1, end: steps.count, isNegated: isNegated)
        case .assertion(let assertion): _ = try emit(.assertion(assertion))
        }
    }

    private mutating func addAtomic(_ body: (inout Self) throws -> Void) throws {
        let start = try emit(.match)
        try body(&self)
        let end = try emit(.match) + 1
        steps[start] = .atomic(end: end)
    }

    private mutating func add(alternatives parts: [RegularExpressionNode], following: ScalarSet, isLast: Bool) throws {
        let start = try emit(.match)
        var starts: [Int] = []
        var ends: [Int] = []
        for part in parts {
            starts.append(steps.count)
            try add(part, following: following, isLast: isLast)
            ends.append(try emit(.match))
        }
        for end in ends { steps[end] = isLast ? .match : .jump(steps.count) }
        steps[start] = .dispatch(dispatches.count)
        var table = [[Int]](repeating: [], count: classes.count + 1)
        for (part, place) in zip(parts, starts) {
            if part.canBeEmpty {
                for number in table.indices { table[number].append(place) }
                continue
            }
            let first = part.firstScalars
            // A class lies in such a set as a whole, or not at all.
            for number in 0..<classes.count where first.contains(classes.representatives[number]) { table[number].append(place) }
        }
        dispatches.append(table)
    }

    private mutating func add(
        _ part: RegularExpressionNode, _ minimum: Int, _ maximum: Int?, _ greed: RegularExpressionNode.Greed, following: ScalarSet,
        isLast: Bool
    ) throws {
        if maximum == 0 { return }
        if case .set(let set) = part {
            let kind: RunKind =
                switch greed {
                case .possessive: .whole
                case .lazy: .lazy
                case .greedy: isLast || following.isDisjoint(with: set) ? .whole : .greedy
                }
            _ = try emit(.run(set: index(of: set), minimum: minimum, maximum: maximum ?? .max, kind))
            return
        }
        if greed == .possessive {
            return try addAtomic { try $0.add(part, minimum, maximum, .greedy, following: .all, isLast: true) }
        }
        for _ in 0..<minimum { try add(part, following: .all) }
        if let maximum {
            var forks: [Int] = []
            for _ in minimum..<maximum {
                forks.append(try emit(.match))
                try add(part, following: .all)
            }
            for fork in forks { steps[fork] = greed == .lazy ? .fork(steps.count, fork + 1) : .fork(fork + 1, steps.count) }
        } else {
            let fork = try emit(.match)
            try add(part, following: .all)
            let end = try emit(.jump(fork)) + 1
            steps[fork] = greed == .lazy ? .fork(end, fork + 1) : .fork(fork + 1, end)
        }
    }
}
