import Foundation
import Swage
import SwageFiles
import SwageText
import Testing
import TestSupport

@Suite struct TextTrainBatchTests {
    private static let chats = [
        [ChatMessage(role: "user", content: "Hi"), ChatMessage(role: "assistant", content: "Ho")],
        [ChatMessage(role: "user", content: "Who are you?"), ChatMessage(role: "assistant", content: "A model of few words.")],
    ]

    private func tokenizer() throws -> TextTokenizer { try TextTokenizer(path: Golden.decoder("qwen2"), chatTemplate: "chatml") }

    @Test func chatsBecomeRowsOfWhichTheAssistantsWordsCount() throws {
        let tokenizer = try tokenizer()
        let batch = try TextTrainBatch(chats: Self.chats, tokenizer: tokenizer)
        try batch.validate(vocabularySize: tokenizer.vocabularySize)
        let columns = batch.inputIDs.shape[1]
        for (row, chat) in Self.chats.enumerated() {
            let expected = try tokenizer.encode(chat: chat, addGenerationPrompt: false)
            let range = row * columns..<row * columns + expected.ids.count - 1
            #expect(Array(batch.inputIDs.scalars[range]) == Array(expected.ids.dropLast()))
            #expect(Array(batch.targetIDs.scalars[range]) == Array(expected.ids.dropFirst()))
            #expect(batch.targetMask!.scalars[range].map { $0 == 1 } == Array(expected.isTarget.dropFirst()))
        }
        #expect(batch.targetCount == (try Self.chats.reduce(0) { $0 + (try tokenizer.encode(chat: $1, addGenerationPrompt: false).isTarget.count { $0 }) }))
    }

    @Test func aRowIsCutAtItsLengthAndOneWithNothingToLearnThereIsNamed() throws {
        let tokenizer = try tokenizer()
        let length = try tokenizer.encode(chat: Self.chats[0], addGenerationPrompt: false).ids.count - 2
        #expect(try TextTrainBatch(chats: [Self.chats[0]], tokenizer: tokenizer, sequenceLength: length).inputIDs.shape == [1, length])
        for (chats, words) in [
            ([Self.chats[0], [Self.chats[0][0]]], "examples[1] has nothing to learn"),
            ([Self.chats[0], []], "chats[1]"), ([], "0 rows"),
        ] {
            let error = #expect(throws: TrainerError.self) { try TextTrainBatch(chats: chats, tokenizer: tokenizer) }
            #expect(error?.message.contains(words) == true, "\(String(describing: error))")
        }
    }

    @Test func aTokenizerOpensWithoutItsModel() async throws {
        try await withTemporaryDirectory { directory in
            for name in ["tokenizer.json", "tokenizer_config.json"] {
                let source = Golden.decoder("qwen2") + "/" + name
                guard FileManager.default.fileExists(atPath: source) else { continue }
                try FileManager.default.copyItem(atPath: source, toPath: directory + "/" + name)
            }
            let alone = try TextTokenizer(url: URL(fileURLWithPath: directory))
            #expect(try alone.encode("few words", addSpecialTokens: false) == tokenizer().encode("few words", addSpecialTokens: false))
            #expect(throws: TrainerError.self) { try TextTokenizer(path: directory + "/none") }
            #expect(throws: TrainerError.self) { try TextTokenizer(url: URL(string: "https://example.com/tokenizer")!) }
        }
    }
}
