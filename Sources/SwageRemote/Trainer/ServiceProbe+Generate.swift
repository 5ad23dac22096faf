#if Engines
import GRPCCore
import Swage
import SwiftProtobuf

extension ServiceProbe {
    /// One completion a prompt, the tokens as they are chosen, if at all, and no request that means nothing.
    func checkGenerate(vocabularySize: Int32) async throws {
        var request = Swage_V1_GenerateRequest([[0], [1, 0], [2]], options: SamplingOptions(maxTokens: 5, seed: 3), streamsTokens: true, id: "")
        let events = try await connection.call { [request] stub, metadata, options in
            try await stub.generate(request, metadata: metadata, options: options) { response in
                var events: [Swage_V1_GenerateEvent] = []
                for try await event in response.messages { events.append(event) }
                return events
            }
        }
        var (streamed, written) = ([Int64: [Int32]](), [Int64: [Int32]]())
        for event in events {
            switch event.event {
            case .token(let token):
                try require(written[token.prompt] == nil, "Generate sends a token of prompt \(token.prompt) after its completion")
                streamed[token.prompt, default: []].append(token.token)
            case .completion(let completion):
                try require(written[completion.prompt] == nil, "Generate sends two completions of prompt \(completion.prompt)")
                written[completion.prompt] = completion.tokens
            case nil: throw BrokenRule(description: "Generate sends an event that is neither a token nor a completion")
            }
        }
        try require(written.keys.sorted() == [0, 1, 2], "Generate sends completions of the prompts \(written.keys.sorted()), and was given three")
        for (prompt, tokens) in streamed {
            try require(tokens == written[prompt], "Generate streams the tokens \(tokens) of prompt \(prompt), and its completion is \(written[prompt] ?? [])")
        }

        request = Swage_V1_GenerateRequest([[0]], options: SamplingOptions(maxTokens: 1), streamsTokens: false, id: "")
        let changes: [(String, TrainerError.Code, (inout Swage_V1_GenerateRequest) -> Void)] = [
            ("max_tokens 0", .invalidOption, { $0.maxTokens = 0 }), ("temperature -1", .invalidOption, { $0.temperature = -1 }),
            ("temperature NaN", .invalidOption, { $0.temperature = .nan }), ("top_k 0", .invalidOption, { $0.topK = 0 }),
            ("top_p 0", .invalidOption, { $0.topP = 0 }), ("top_p 1.5", .invalidOption, { $0.topP = 1.5 }),
            ("concurrency 0", .invalidOption, { $0.concurrency = 0 }), ("an empty stop string", .invalidOption, { $0.stopStrings = [""] }),
            ("a prompt without a token", .invalidBatch, { $0.prompts.append(.init()) }),
            ("a prompt with a token past the vocabulary", .tokenOutOfRange, { $0.prompts[0].tokens.append(vocabularySize) }),
            ("a prompt with a negative token", .tokenOutOfRange, { $0.prompts[0].tokens.append(-1) }),
            ("first_tokens past the vocabulary", .tokenOutOfRange, { $0.firstTokens = [0, vocabularySize] }),
        ]
        for (what, code, change) in changes {
            var bad = request
            change(&bad)
            try await expect(code, "Generate of \(what)") { [bad] stub, metadata, options in
                try await stub.generate(bad, metadata: metadata, options: options) { for try await _ in $0.messages {} }
            }
        }
    }
}
#endif
