import Swage
import SwageNative
import Testing
import TestEngines
import TestSupport

@Suite struct TextStreamTests {
    private static let chat = [ChatMessage(role: "user", content: "hello")]

    private func sampler() async throws -> (sampler: NativeSampler, tokenizer: any Tokenizer) {
        let sampler = try await NativeSampler(model: Golden.decoder("qwen2"), chatTemplate: "chatml", threads: 1)
        return (sampler, try sampler.tokenizer())
    }

    @Test func itsPiecesAreTheTextOfTheCompletion() async throws {
        let (sampler, tokenizer) = try await sampler()
        let options = SamplingOptions(maxTokens: 60, seed: 3)
        let prompt = try tokenizer.encode(chat: Self.chat, addGenerationPrompt: true).ids
        let whole = try tokenizer.text(of: try await sampler.generate([prompt], options: options)[0], stopStrings: [])
        var pieces: [String] = []
        for try await piece in try sampler.reply(to: Self.chat, tokenizer: tokenizer, options: options) { pieces.append(piece) }
        #expect(pieces.joined() == whole && pieces.count > 1 && !pieces.contains(""), "\(pieces)")
    }

    @Test func itEndsBeforeAStopString() async throws {
        let (sampler, tokenizer) = try await sampler()
        var whole = ""
        let options = SamplingOptions(maxTokens: 60, seed: 3)
        for try await piece in try sampler.reply(to: Self.chat, tokenizer: tokenizer, options: options) { whole += piece }
        let stop = String(whole.dropFirst(whole.count / 2).prefix(2))
        var stopping = options
        stopping.stopStrings = [stop]
        var text = ""
        for try await piece in try sampler.reply(to: Self.chat, tokenizer: tokenizer, options: stopping) { text += piece }
        #expect(Array(text.utf8) == Array(whole.utf8.prefix(text.utf8.count)) && !text.contains(stop) && text.utf8.count < whole.utf8.count, "\(text)")
    }

    @Test func leavingTheLoopEndsTheWriting() async throws {
        let (sampler, tokenizer) = try await sampler()
        let endless = SamplingOptions(maxTokens: 1_000_000)
        for try await _ in try sampler.reply(to: Self.chat, tokenizer: tokenizer, options: endless) { break }
        // It takes its turn after the one that was left.
        let next = try await sampler.generate([[5]], options: .greedy(maxTokens: 1))
        #expect(next.count == 1)
    }

    @Test func anOptionThatMakesNoSenseIsThrownInTheLoop() async throws {
        let (sampler, tokenizer) = try await sampler()
        let error = await #expect(throws: TrainerError.self) {
            for try await _ in sampler.text(after: [5], tokenizer: tokenizer, options: .init(maxTokens: 0)) {}
        }
        #expect(error?.code == .invalidOption)
    }
}
