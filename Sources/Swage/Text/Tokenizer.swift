/// Turns text into the token ids of one model, and back.
public protocol Tokenizer: Sendable {
    /// The number of ids, `0..<vocabularySize`.
    var vocabularySize: Int { get }

    /// The ids that end a completion: the end of text, the end of a turn.
    var endOfSequenceIDs: [Int32] { get }

    /// The ids of `text`. Special tokens that are spelled out in the text become their ids.
    /// With `addSpecialTokens`, what the model expects around every text is added, such as a beginning-of-sequence token.
    func encode(_ text: String, addSpecialTokens: Bool) throws -> [Int32]

    /// The text of `ids`. Bytes that are not UTF-8 become U+FFFD.
    func decode(_ ids: [Int32], skipSpecialTokens: Bool) throws -> String

    /// The bytes that one id stands for; half a character may be among them. Special tokens give none.
    func bytes(of id: Int32) throws -> [UInt8]

    /// A conversation in the model's own chat format.
    ///
    /// What the assistant writes begins with a token of its own: the ids of the messages before it, with a generation
    /// prompt, are what the ids of the whole begin with.
    /// - Parameters:
    ///   - chat: the messages, in the order in which they were said, and what the format is told beside them.
    ///   - addGenerationPrompt: whether to end with the opening of an assistant's turn.
    /// - Throws: ``TrainerError`` if the model has no chat template, or one that refuses the conversation.
    func encode(chat: Chat, addGenerationPrompt: Bool) throws -> TargetedTokens

    /// A prompt and the completion that should follow it, ended as the model ends its texts. The ids of the prompt do not
    /// depend on the completion.
    ///
    /// White space at the end of the prompt may be the completion's: where tokens hold it together with the word after it,
    /// the model has to write both (``PlainPrompt``).
    func encode(prompt: String, completion: String) throws -> TargetedTokens
}

extension Tokenizer {
    /// A conversation without tools. See ``encode(chat:addGenerationPrompt:)-(Chat,_)``.
    public func encode(chat: [ChatMessage], addGenerationPrompt: Bool) throws -> TargetedTokens {
        try encode(chat: Chat(chat), addGenerationPrompt: addGenerationPrompt)
    }
}

/// Decodes a growing sequence of ids, and holds a character back until all of its bytes have come.
public struct StreamingDecoder: Sendable {
    private let tokenizer: any Tokenizer
    private var pending: [UInt8] = []

    /// Begins a new text, of ids of this tokenizer. Special tokens add nothing to it.
    public init(_ tokenizer: any Tokenizer) { self.tokenizer = tokenizer }

    /// The text that became complete with `id`; often empty in the middle of a character.
    public mutating func append(_ id: Int32) throws -> String {
        pending += try tokenizer.bytes(of: id)
        let complete = pending.count - Self.unfinishedByteCount(pending)
        defer { pending.removeFirst(complete) }
        return String(decoding: pending.prefix(complete), as: UTF8.self)
    }

    /// What was held back, with U+FFFD for a character that never came whole.
    public mutating func finish() -> String {
        defer { pending = [] }
        return String(decoding: pending, as: UTF8.self)
    }

    /// How many bytes at the end begin a character that further bytes could still complete.
    private static func unfinishedByteCount(_ bytes: [UInt8]) -> Int {
        for back in 1...3 where back <= bytes.count {
            let byte = bytes[bytes.count - back]
            if byte & 0b1100_0000 == 0b1000_0000 { continue }
            let length = byte >= 0xF0 && byte <= 0xF4 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC2 ? 2 : 1
            return byte < 0xF5 && length > back ? back : 0
        }
        return 0
    }
}
