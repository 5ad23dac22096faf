/// A part of a regular expression.
indirect enum RegularExpressionNode: Sendable {
    enum Greed: Sendable { case greedy, lazy, possessive }

    enum Assertion: Sendable { case lineStart, lineEnd, textStart, textEnd, textEndOrLastLineBreak, wordBorder, noWordBorder }

    case set(ScalarSet)
    case sequence([RegularExpressionNode])
    /// The first of these that leads to a match is taken.
    case alternatives([RegularExpressionNode])
    case repeated(RegularExpressionNode, minimum: Int, maximum: Int?, Greed)
    /// What is matched once and for all.
    case atomic(RegularExpressionNode)
    case lookahead(RegularExpressionNode, isNegated: Bool)
    case lookbehind(RegularExpressionNode, isNegated: Bool)
    case assertion(Assertion)

    static let empty = RegularExpressionNode.sequence([])

    /// Whether it matches an empty text somewhere.
    var canBeEmpty: Bool {
        switch self {
        case .set: false
        case .sequence(let parts): parts.allSatisfy(\.canBeEmpty)
        case .alternatives(let parts): parts.contains(where: \.canBeEmpty)
        case .repeated(let part, let minimum, _, _): minimum == 0 || part.canBeEmpty
        case .atomic(let part): part.canBeEmpty
        case .lookahead, .lookbehind, .assertion: true
        }
    }

    /// How many scalars it matches, where that is always the same number.
    var length: Int? {
        switch self {
        case .set: return 1
        case .sequence(let parts):
            var sum = 0
            for part in parts {
                guard let length = part.length else { return nil }
                sum += length
            }
            return sum
        case .alternatives(let parts):
            guard let first = parts.first?.length, parts.allSatisfy({ $0.length == first }) else { return nil }
            return first
        case .repeated(let part, let minimum, let maximum, _):
            guard minimum == maximum, let length = part.length else { return nil }
            let (product, isTooLarge) = length.multipliedReportingOverflow(by: minimum)
            return isTooLarge ? nil : product
        case .atomic(let part): return part.length
        case .lookahead, .lookbehind, .assertion: return 0
        }
    }

    /// The scalars with which a match that is not empty can begin.
    var firstScalars: ScalarSet {
        switch self {
        case .set(let set): return set
        case .sequence(let parts):
            var first = ScalarSet.none
            for part in parts {
                first = first.union(part.firstScalars)
                if !part.canBeEmpty { break }
            }
            return first
        case .alternatives(let parts): return parts.reduce(.none) { $0.union($1.firstScalars) }
        case .repeated(let part, _, let maximum, _): return maximum == 0 ? .none : part.firstScalars
        case .atomic(let part): return part.firstScalars
        case .lookahead, .lookbehind, .assertion: return .none
        }
    }

    /// All sets in it.
    var sets: [ScalarSet] {
        switch self {
        case .set(let set): [set]
        case .sequence(let parts), .alternatives(let parts): parts.flatMap(\.sets)
        case .repeated(let part, _, _, _), .atomic(let part), .lookahead(let part, _), .lookbehind(let part, _): part.sets
        case .assertion: []
        }
    }

    var hasAssertions: Bool {
        switch self {
        case .set: false
        case .sequence(let parts), .alternatives(let parts): parts.contains(where: \.hasAssertions)
        case .repeated(let part, _, _, _), .atomic(let part), .lookahead(let part, _), .lookbehind(let part, _): part.hasAssertions
        case .assertion: true
        }
    }
}
