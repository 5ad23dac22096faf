/// What becomes of the matches at which a text is split.
enum SplitBehavior: String, Sendable {
    case removed = "Removed"
    case isolated = "Isolated"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"

    struct Part {
        var start: Int
        var end: Int
        var isMatch: Bool
    }

    /// The pieces that are left, some of which may be empty.
    func pieces(_ parts: [Part]) -> [Part] {
        var result: [Part] = []
        switch self {
        case .isolated: return parts
        case .removed: return parts.filter { !$0.isMatch }
        case .contiguous:
            var wasMatch = false
            for part in parts {
                if part.isMatch == wasMatch, !result.isEmpty { result[result.count - 1].end = part.end } else { result.append(part) }
                wasMatch = part.isMatch
            }
        case .mergedWithPrevious:
            var wasMatch = false
            for part in parts {
                if part.isMatch, !wasMatch, !result.isEmpty { result[result.count - 1].end = part.end } else { result.append(part) }
                wasMatch = part.isMatch
            }
        case .mergedWithNext:
            var wasMatch = false
            for part in parts.reversed() {
                if part.isMatch, !wasMatch, !result.isEmpty { result[result.count - 1].start = part.start } else { result.append(part) }
                wasMatch = part.isMatch
            }
            result.reverse()
        }
        return result
    }
}
