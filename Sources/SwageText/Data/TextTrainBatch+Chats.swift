public import Swage

extension TextTrainBatch {
    /// Conversations to learn from, one a row, padded to the longest. What the assistant says counts, with the tokens that end it.
    ///
    /// ```swift
    /// let chat = [ChatMessage(role: "user", content: "Who are you?"), ChatMessage(role: "assistant", content: "Swage.")]
    /// let batch = try TextTrainBatch(chats: [chat], tokenizer: tokenizer)
    /// ```
    ///
    /// ``ExampleStream`` packs several into a row, and reads other kinds of examples.
    /// - Parameters:
    ///   - chats: one or more.
    ///   - tokenizer: that of the model.
    ///   - sequenceLength: the most positions of a row. What is longer is cut there; nil cuts nothing.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData`, with the number of the conversation, for one that the chat format
    ///   has no place for, or that has nothing to learn; `invalidOption` or `tooLarge` for rows that cannot be.
    public init(chats: [[ChatMessage]], tokenizer: any Tokenizer, sequenceLength: Int? = nil) throws {
        try self.init(
            chats.enumerated().map { number, chat in
                do {
                    return try tokenizer.encode(chat: chat, addGenerationPrompt: false)
                } catch let error as TrainerError {
                    throw error.placed(at: "chats[\(number)]")
                }
            }, sequenceLength: sequenceLength)
    }

    /// Tokens to learn from, one example a row, padded to the longest.
    /// - Parameters:
    ///   - examples: one or more.
    ///   - sequenceLength: the most positions of a row. What is longer is cut there; nil cuts nothing.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` for an example that has nothing to learn, by its number;
    ///   `invalidOption` or `tooLarge` for rows that cannot be.
    public init(_ examples: [TargetedTokens], sequenceLength: Int? = nil) throws {
        let longest = sequenceLength ?? max(1, (examples.map(\.ids.count).max() ?? 2) - 1)
        try PackedRow.check(rows: examples.count, of: longest)
        self = PackedRow.batch(
            try examples.enumerated().map { number, example in
                guard case .used(let tokens, _, _, _, _) = Examination(example, limit: longest + 1) else {
                    throw TrainerError(
                        .invalidData, "examples[\(number)] has nothing to learn within \(longest) positions",
                        expected: "a target that a token before it can predict")
                }
                var row = PackedRow(capacity: longest)
                row.append(tokens)
                return row
            })
    }
}
