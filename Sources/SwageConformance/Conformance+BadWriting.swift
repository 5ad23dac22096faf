import Swage

extension Conformance {
    /// What asks a sampler for what cannot be written.
    func checkBadWriting(_ trainer: any Trainer) async throws {
        guard let sampler = try await subject.sampler?(trainer) else { return }
        let size = Int32(subject.vocabularySize)
        let options = SamplingOptions(maxTokens: 1)
        func changed(_ change: (inout SamplingOptions) -> Void) -> SamplingOptions {
            var copy = options
            change(&copy)
            return copy
        }
        let requests: [(String, TrainerError.Code, [Int32], SamplingOptions)] = [
            ("a prompt without a token", .invalidBatch, [], options),
            ("a prompt with a token past the vocabulary", .tokenOutOfRange, [1, size], options),
            ("a prompt with a negative token", .tokenOutOfRange, [-1, 1], options),
            ("firstTokens past the vocabulary", .tokenOutOfRange, [1], changed { $0.firstTokens = [1, size] }),
            ("maxTokens 0", .invalidOption, [1], changed { $0.maxTokens = 0 }),
            ("temperature -1", .invalidOption, [1], changed { $0.temperature = -1 }),
            ("temperature NaN", .invalidOption, [1], changed { $0.temperature = .nan }),
            ("topK 0", .invalidOption, [1], changed { $0.topK = 0 }),
            ("topP 0", .invalidOption, [1], changed { $0.topP = 0 }),
            ("topP 1.5", .invalidOption, [1], changed { $0.topP = 1.5 }),
            ("concurrency 0", .invalidOption, [1], changed { $0.concurrency = 0 }),
            ("an empty stop string", .invalidOption, [1], changed { $0.stopStrings = [""] }),
        ]
        for (what, code, prompt, options) in requests {
            try await expectError([code], "generate of \(what)") { _ = try await sampler.generate([[1], prompt], options: options) }
        }
    }
}
