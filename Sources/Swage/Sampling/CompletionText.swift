/// The text of a completion while it grows, up to the stop string that ends it.
///
/// Text comes out as soon as no stop string can begin in it any more. Stop strings are found in bytes, whatever tokens they
/// come in. The one that is complete first ends the text; of several that are complete with the same byte, the longest.
public struct CompletionText: Sendable {
    private var decoder: StreamingDecoder
    private let stopStrings: [[UInt8]]
    /// How many bytes are still to come that are no part of the text.
    private var skipped: Int
    /// The longest end of the text that a stop string begins with.
    private var held: [UInt8] = []
    /// Whether a stop string has come.
    public private(set) var isStopped = false

    /// - Parameters:
    ///   - tokenizer: that of the model that writes; it says which bytes each token adds.
    ///   - stopStrings: texts of one character or more.
    ///   - begun: what the completion writes first and the prompt has said already (``PlainPrompt/begun``).
    public init(_ tokenizer: any Tokenizer, stopStrings: [String], after begun: String = "") {
        decoder = StreamingDecoder(tokenizer)
        skipped = begun.utf8.count
        self.stopStrings = stopStrings.map { Array($0.utf8) }
    }

    /// What `id` adds to the text for certain; often nothing.
    public mutating func append(_ id: Int32) throws -> String { append(try decoder.append(id)) }

    /// What was held back; nothing if a stop string has come.
    public mutating func finish() -> String {
        let rest = append(decoder.finish())
        guard !isStopped else { return rest }
        defer { held = [] }
        return rest + String(decoding: held, as: UTF8.self)
    }

    private mutating func append(_ text: String) -> String {
        var certain: [UInt8] = []
        let new = text.utf8.dropFirst(skipped)
        skipped -= text.utf8.count - new.count
        for byte in new {
            if isStopped { break }
            held.append(byte)
            if let stop = stopStrings.filter({ held.hasSuffix($0[...]) }).max(by: { $0.count < $1.count }) {
                isStopped = true
                certain += held.dropLast(stop.count)
                held = []
                break
            }
            let kept = heldCount
            certain += held.dropLast(kept)
            held.removeFirst(held.count - kept)
        }
        return String(decoding: certain, as: UTF8.self)
    }

    /// How many bytes at the end of `held` are the beginning of a stop string.
    private var heldCount: Int {
        let longest = min(held.count, (stopStrings.map(\.count).max() ?? 1) - 1)
        return stride(from: longest, to: 0, by: -1).first { count in
            stopStrings.contains { $0.count > count && held.hasSuffix($0[..<count]) }
        } ?? 0
    }
}

extension [UInt8] {
    fileprivate func hasSuffix(_ other: ArraySlice<UInt8>) -> Bool { suffix(other.count).elementsEqual(other) }
}

extension Tokenizer {
    /// What a completion says, without special tokens: up to the stop string, where one has ended it.
    /// - Parameters:
    ///   - completion: what the model of this tokenizer has written, to its end.
    ///   - stopStrings: those that it was written with (``SamplingOptions/stopStrings``).
    ///   - begun: what the completion writes first and the prompt has said already (``PlainPrompt/begun``).
    public func text(of completion: Completion, stopStrings: [String], after begun: String = "") throws -> String {
        guard completion.finishReason == .stopString else {
            let text = try decode(completion.tokens, skipSpecialTokens: true)
            return begun.isEmpty ? text : String(decoding: text.utf8.dropFirst(begun.utf8.count), as: UTF8.self)
        }
        var text = CompletionText(self, stopStrings: stopStrings, after: begun)
        return try completion.tokens.reduce("") { try $0 + text.append($1) } + text.finish()
    }
}
