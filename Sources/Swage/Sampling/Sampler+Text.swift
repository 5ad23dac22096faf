import Synchronization

extension Sampler {
    /// The text that the model writes after a prompt, piece by piece as it becomes certain, up to the stop string that ends it.
    ///
    /// ```swift
    /// for try await piece in sampler.text(after: prompt, tokenizer: tokenizer) { print(piece, terminator: "") }
    /// ```
    ///
    /// The model writes on its own, ahead of whoever reads. It ends where the loop is left or its task is cancelled.
    /// - Parameters:
    ///   - prompt: token ids, of a chat that asks for an answer for example (``Tokenizer/encode(chat:addGenerationPrompt:)``).
    ///   - tokenizer: that of the model.
    ///   - options: how tokens are chosen and when the text ends.
    /// - Returns: pieces that are not empty; joined, they are what ``Tokenizer/text(of:stopStrings:after:)`` gives. It throws what
    ///   ``generate(_:options:onToken:)`` throws.
    public func text(
        after prompt: [Int32], tokenizer: any Tokenizer, options: SamplingOptions = .init()
    ) -> AsyncThrowingStream<String, any Error> {
        let (pieces, writer) = AsyncThrowingStream.makeStream(of: String.self)
        let writing = TextWriter(CompletionText(tokenizer, stopStrings: options.stopStrings), writer)
        let task = Task {
            do {
                _ = try await generate([prompt], options: options) { _, token in writing.append(token) }
                writing.finish()
            } catch {
                writer.finish(throwing: error)
            }
        }
        writer.onTermination = { _ in task.cancel() }
        return pieces
    }

    /// The model's answer to a conversation, piece by piece. See ``text(after:tokenizer:options:)``.
    /// - Throws: ``TrainerError`` with code `invalidData` for what the chat format has no place for.
    public func reply(
        to chat: [ChatMessage], tokenizer: any Tokenizer, options: SamplingOptions = .init()
    ) throws -> AsyncThrowingStream<String, any Error> {
        text(after: try tokenizer.encode(chat: chat, addGenerationPrompt: true).ids, tokenizer: tokenizer, options: options)
    }
}

/// Turns tokens into pieces of text, and gives them to whoever reads.
private final class TextWriter: Sendable {
    private let text: Mutex<CompletionText>
    private let pieces: AsyncThrowingStream<String, any Error>.Continuation

    init(_ text: CompletionText, _ pieces: AsyncThrowingStream<String, any Error>.Continuation) {
        self.text = Mutex(text)
        self.pieces = pieces
    }

    func append(_ token: Int32) {
        do {
            give(try text.withLock { try $0.append(token) })
        } catch {
            pieces.finish(throwing: error)
        }
    }

    func finish() {
        give(text.withLock { $0.finish() })
        pieces.finish()
    }

    private func give(_ piece: String) {
        if !piece.isEmpty { pieces.yield(piece) }
    }
}
