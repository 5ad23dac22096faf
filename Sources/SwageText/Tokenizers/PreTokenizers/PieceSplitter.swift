/// A step that cuts text into pieces.
enum PieceSplitter: Sendable {
    enum Pattern: Sendable {
        case expression(RegularExpression)
        case text([UInt8])
    }

    enum PrependScheme: String, Sendable { case first, never, always }

    case byteLevel(addsPrefixSpace: Bool, splits: Bool)
    case metaspace(replacement: [UInt8], PrependScheme, splits: Bool)
    /// Words, and runs of what is neither in words nor space.
    case whitespace
    case whitespaceSplit
    case bert
    case delimiter(UInt32)
    case punctuation(SplitBehavior)
    case split(Pattern, SplitBehavior, isInverted: Bool)
    case digits(individual: Bool)
    case scripts
    case fixedLength(Int)

    /// Whether pieces have to be told where in the original they begin.
    var asksForOrigin: Bool { if case .metaspace(_, .first, _) = self { true } else { false } }

    /// - Parameter keepsBytes: whether the model takes bytes as they are, instead of spelled in the byte-level alphabet.
    func apply(to text: inout TokenizedText, keepsBytes: Bool) throws {
        switch self {
        case .byteLevel(let addsPrefixSpace, let splits):
            if addsPrefixSpace {
                let isContinuing = text.place == .continuing
                text.prepend([0x20]) { piece, bytes in bytes.first != 0x20 && !(isContinuing && piece.start == 0) }
            }
            if splits { text.split(by: try Self.gpt2.get(), .isolated, isInverted: false) }
            if !keepsBytes { text.spellBytes() }
        case .metaspace(let replacement, let scheme, let splits):
            text.replaceSpaces(with: replacement, scheme)
            if splits { text.split(.mergedWithNext) { parts, bytes in Self.find(replacement, in: bytes, &parts) } }
        case .whitespace: text.split(by: try Self.words.get(), .removed, isInverted: true)
        case .whitespaceSplit: text.split(.removed) { Self.classify($1, &$0) { ScalarBitmap.whitespace.contains($0) } }
        case .bert:
            text.split(.removed) { Self.classify($1, &$0) { ScalarBitmap.whitespace.contains($0) } }
            text.split(.isolated) { Self.classify($1, &$0) { ScalarBitmap.punctuation.contains($0) } }
        case .delimiter(let delimiter): text.split(.removed) { Self.classify($1, &$0) { $0 == delimiter } }
        case .punctuation(let behavior): text.split(behavior) { Self.classify($1, &$0) { ScalarBitmap.punctuation.contains($0) } }
        case .split(.expression(let expression), let behavior, let isInverted): text.split(by: expression, behavior, isInverted: isInverted)
        case .split(.text(let pattern), let behavior, let isInverted):
            text.split(behavior) { parts, bytes in
                Self.find(pattern, in: bytes, &parts)
                if isInverted { for index in parts.indices { parts[index].isMatch.toggle() } }
            }
        case .digits(let individual):
            text.split(individual ? .isolated : .contiguous) { Self.classify($1, &$0) { ScalarBitmap.numeric.contains($0) } }
        case .scripts: text.split(.isolated) { ScriptRuns.shared.find($1, &$0) }
        case .fixedLength(let length):
            text.split(.isolated) { parts, bytes in
                var (start, index, count) = (0, 0, 0)
                while index < bytes.count {
                    index += bytes.scalar(at: index).width
                    count += 1
                    if count == length || index >= bytes.count {
                        parts.append(.init(start: start, end: index, isMatch: false))
                        (start, count) = (index, 0)
                    }
                }
            }
        }
    }

    static let gpt2 = Result {
        try RegularExpression(#"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#)
    }

    private static let words = Result { try RegularExpression(#"\w+|[^\w\s]+"#, .rust) }

    /// Each scalar of a kind is a match, and what lies between them is none.
    private static func classify(_ bytes: UnsafeBufferPointer<UInt8>, _ parts: inout [SplitBehavior.Part], _ belongs: (UInt32) -> Bool) {
        var (start, index) = (0, 0)
        while index < bytes.count {
            let (value, width) = bytes.scalar(at: index)
            if belongs(value) {
                if start < index { parts.append(.init(start: start, end: index, isMatch: false)) }
                parts.append(.init(start: index, end: index + width, isMatch: true))
                start = index + width
            }
            index += width
        }
        if start < index { parts.append(.init(start: start, end: index, isMatch: false)) }
    }

    private static func find(_ pattern: [UInt8], in bytes: UnsafeBufferPointer<UInt8>, _ parts: inout [SplitBehavior.Part]) {
        var start = 0
        for range in Array(bytes).ranges(of: pattern) {
            if start < range.lowerBound { parts.append(.init(start: start, end: range.lowerBound, isMatch: false)) }
            parts.append(.init(start: range.lowerBound, end: range.upperBound, isMatch: true))
            start = range.upperBound
        }
        if start < bytes.count { parts.append(.init(start: start, end: bytes.count, isMatch: false)) }
    }
}
