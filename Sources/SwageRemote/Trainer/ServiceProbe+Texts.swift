#if Engines
import GRPCCore
import Swage
import SwageFiles
import SwageText
import SwiftProtobuf

extension ServiceProbe {
    /// Encode and Decode do what the tokenizer's files say, if the trainer has texts.
    func checkTexts() async throws {
        guard let answer = try await unlessUnsupported({ try await $0.getTokenizer(.init(), metadata: $1, options: $2) }) else { return }
        guard !answer.files.isEmpty else {
            return try require(!answer.tokens.isEmpty, "GetTokenizer answers neither files nor tokens")
        }
        let tokenizer: TextTokenizer
        do {
            tokenizer = try TextTokenizer(files: answer.files, from: "the trainer's GetTokenizer")
        } catch {
            throw BrokenRule(description: "GetTokenizer answers files that are no tokenizer: \(error)")
        }
        let text = "Hello, world! 12 + 3 = 15."
        for addsSpecialTokens in [false, true] {
            try await expectEncoded(.text(.with { ($0.text, $0.addSpecialTokens) = (text, addsSpecialTokens) }), tokenizer)
        }
        try await expectEncoded(.completion(.with { ($0.prompt, $0.completion) = ("What is this?", " It is a test.") }), tokenizer)
        let chat = Chat([ChatMessage(role: "user", content: "What is this?"), ChatMessage(role: "assistant", content: "It is a test.")])
        try await expectEncoded(.chat(.init(chat, addGenerationPrompt: false)), tokenizer)
        try await expectEncoded(.chat(.init(Chat([chat.messages[0]]), addGenerationPrompt: true)), tokenizer)
        let ids = try tokenizer.encode(text, addSpecialTokens: true) + tokenizer.endOfSequenceIDs.prefix(1)
        for skips in [false, true] {
            let request = Swage_V1_DecodeRequest.with { ($0.ids, $0.skipSpecialTokens) = (ids, skips) }
            guard let found = try await unlessUnsupported({ try await $0.decode(request, metadata: $1, options: $2) })?.text else { return }
            let expected = try tokenizer.decode(ids, skipSpecialTokens: skips)
            try require(
                found == expected,
                "Decode of \(ids)\(skips ? " without special tokens" : "") answers \(found.debugDescription), and the tokenizer's files say \(expected.debugDescription)"
            )
        }
    }

    private func expectEncoded(_ what: Swage_V1_EncodeRequest.OneOf_What, _ tokenizer: TextTokenizer) async throws {
        let request = Swage_V1_EncodeRequest.with { $0.what = what }
        // A model without a chat format encodes no conversation.
        guard let expected = try? request.response(by: tokenizer),
            let found = try await unlessUnsupported({ try await $0.encode(request, metadata: $1, options: $2) })
        else { return }
        try require(
            found.ids == expected.ids && found.isTarget == expected.isTarget,
            "Encode of \(request.summary) answers the ids \(found.ids), targets \(found.isTarget.map { $0 ? 1 : 0 }), and the tokenizer's files say \(expected.ids), "
                + "\(expected.isTarget.map { $0 ? 1 : 0 })")
    }

    private func unlessUnsupported<Answer: Sendable>(_ call: @escaping TrainerConnection.Body<Answer>) async throws -> Answer? {
        do {
            return try await connection.call(nil, bytes: 0, call)
        } catch let error as TrainerError where error.code == .unsupported {
            return nil
        }
    }
}

extension Swage_V1_EncodeRequest {
    fileprivate var summary: String {
        switch what {
        case .text(let text): "the text \(text.text.debugDescription)\(text.addSpecialTokens ? ", with special tokens," : "")"
        case .completion(let pair): "the prompt \(pair.prompt.debugDescription) and the completion \(pair.completion.debugDescription)"
        case .chat(let chat): "a conversation\(chat.addGenerationPrompt ? " to be answered, with add_generation_prompt," : "")"
        case nil: "nothing"
        }
    }
}
#endif
