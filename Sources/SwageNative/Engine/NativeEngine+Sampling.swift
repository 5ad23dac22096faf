import SwageFiles
import Swage

extension NativeEngine {
    func generate(
        _ prompts: [[Int32]], options: SamplingOptions, onToken: (@Sendable (Int, Int32) -> Void)?
    ) throws -> [Completion] {
        try call {
            try options.validate(promptCount: prompts.count)
            try validate(prompts)
            if let first = options.firstTokens { try requireInVocabulary(first, "firstTokens") }
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
            try requireInVocabulary(prompt, "prompts[\(index)]")
        }
    }

    private func requireInVocabulary(_ tokens: [Int32], _ name: String) throws {
        guard let position = tokens.firstIndex(where: { $0 < 0 || Int($0) >= vocabularySize }) else { return }
        throw TrainerError(
            .tokenOutOfRange, "\(name)[\(position)] is \(tokens[position])", expected: "a token id in 0..<\(vocabularySize)")
    }
}
