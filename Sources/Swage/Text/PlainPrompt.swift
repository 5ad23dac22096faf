/// A text that a model goes on with, read as ``Tokenizer/encode(prompt:completion:)`` reads a prompt.
///
/// Where tokens hold white space together with the word after it, white space at the end of the text is not read but written
/// again: after "The key is " a model writes " here", whose token it has learned.
public struct PlainPrompt: Sendable {
    /// What is read.
    public let ids: [Int32]
    /// The end of the text that is left for the completion to begin with; mostly empty.
    public let begun: String
    /// The tokens that spell `begun` or more; nil where it is empty.
    public let firstTokens: [Int32]?

    /// Reads `text`. Where the end of it is left for the completion, the whole vocabulary is looked through for `firstTokens`.
    /// - Throws: what the tokenizer throws.
    public init(_ text: String, _ tokenizer: any Tokenizer) throws {
        let tokens = try tokenizer.encode(prompt: text, completion: "")
        let divided = zip(tokens.ids, tokens.isTarget)
        ids = divided.filter { !$0.1 }.map(\.0)
        let written = divided.filter(\.1).map(\.0).filter { !tokenizer.endOfSequenceIDs.contains($0) }
        begun = try tokenizer.decode(written, skipSpecialTokens: true)
        let bytes = Array(begun.utf8)
        firstTokens =
            try bytes.isEmpty
            ? nil : (0..<Int32(tokenizer.vocabularySize)).filter { try tokenizer.bytes(of: $0).starts(with: bytes) }
    }
}
