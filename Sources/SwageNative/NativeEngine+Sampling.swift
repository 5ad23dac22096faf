import Swage

extension NativeEngine {
    func generate(
        _ prompts: [[Int32]], options: SamplingOptions, onToken: (@Sendable (Int, Int32) -> Void)?
    ) throws -> [Completion] {
        try call {
            try options.validate(promptCount: prompts.count)
            try validate(prompts)
            guard !prompts.isEmpty else { return [] }
            // Without a tokenizer a completion can still end by its length.
            let tokenizer = options.stopStrings.isEmpty ? try? files.tokenizer.get() : try files.tokenizer.get()
            var rollout = try Rollout(
                model, workspace, prompts, options: options, tokenizer: tokenizer, weightsVersion: state.step,
                onToken: onToken)
            return try rollout.run()
        }
    }

    private func validate(_ prompts: [[Int32]]) throws {
        for (index, prompt) in prompts.enumerated() {
            guard !prompt.isEmpty else {
                throw TrainerError(.invalidBatch, "prompt \(index) is empty", expected: "at least one token")
            }
            if let position = prompt.firstIndex(where: { $0 < 0 || Int($0) >= vocabularySize }) {
                throw TrainerError(
                    .tokenOutOfRange, "prompts[\(index)][\(position)] is \(prompt[position])",
                    expected: "a token id in 0..<\(vocabularySize)")
            }
        }
    }
}
