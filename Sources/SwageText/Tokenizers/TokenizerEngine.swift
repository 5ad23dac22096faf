import Swage

/// Where a part of a text stands that is encoded by itself.
enum TextPlace {
    /// At the beginning of the text.
    case beginning
    /// Behind a token that stands for itself, such as a special one.
    case afterToken
    /// In the midst of the text.
    case continuing
}

/// What turns text into ids and back, of whatever kind.
protocol TokenizerEngine: Sendable {
    /// One more than the highest id.
    var idCount: Int { get }
    /// The ids that decoding can leave out.
    var specialIDs: Set<Int32> { get }
    /// The ids put before every text.
    var prefixIDs: [Int32] { get }
    /// The ids put after every text.
    var suffixIDs: [Int32] { get }
    /// What kind it is, in words.
    var summary: String { get }

    /// The ids of a part of a text, each with the index of the part at which it begins; those around every text are not among them.
    func spans(of utf8: ArraySlice<UInt8>, _ place: TextPlace) throws -> [(id: Int32, start: Int)]

    /// The same ids alone, which takes less time.
    func ids(of text: String, _ place: TextPlace) throws -> [Int32]

    /// Whether a token stands for itself, beside those that the model makes of text.
    func isAdded(_ id: Int32) -> Bool

    func decode(_ ids: [Int32], skipSpecialTokens: Bool) throws -> String

    /// What an id adds to a text in its midst. Special tokens add nothing.
    func bytes(of id: Int32) throws -> [UInt8]
}

extension TokenizerEngine {
    /// Where a text stands that follows these ids.
    func place(after ids: some BidirectionalCollection<Int32>) -> TextPlace {
        ids.last.map { isAdded($0) ? .afterToken : .continuing } ?? .beginning
    }

    /// Whether a white space is held together with the word after it by one token.
    func joinsToWord(_ space: Unicode.Scalar) throws -> Bool {
        guard space.properties.isWhitespace else { return false }
        let width = UTF8.width(space)
        let spans = try spans(of: Array("\(space)a".utf8)[...], .continuing)
        return spans.count < 2 || spans[1].start > width
    }
}
