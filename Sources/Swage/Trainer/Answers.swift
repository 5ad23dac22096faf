// Trainers and samplers may be somebody else's, perhaps in another process: what they answer is looked at before it is used.

extension ForwardOutputs {
    /// The outputs, if they are those that were asked for.
    /// - Throws: ``TrainerError`` with code `engineFailed` for one that is not there or has another shape.
    package func answering(_ inputs: ForwardInputs) throws -> ForwardOutputs {
        let positions = inputs.inputIDs.shape
        for output in inputs.outputs.sorted(by: { $0.rawValue < $1.rawValue }) {
            guard let tensor = self[output] else {
                throw TrainerError(.engineFailed, "the trainer was asked for \(output.rawValue), and has given none")
            }
            let (fits, expected) =
                switch output {
                case .logProbs, .entropy: (tensor.shape == positions, "\(positions)")
                case .logits, .hiddenStates:
                    (tensor.shape.count == 3 && Array(tensor.shape.prefix(2)) == positions, "\(positions) and one axis more")
                case .outputHead: (tensor.shape.count == 2, "two axes")
                }
            guard fits else {
                throw TrainerError(
                    .engineFailed, "the trainer has given \(output.rawValue) of the shape \(tensor.shape)", expected: expected)
            }
        }
        return self
    }

    private subscript(_ output: ModelOutput) -> Tensor<Float>? {
        switch output {
        case .logProbs: logProbs
        case .logits: logits
        case .entropy: entropy
        case .hiddenStates: hiddenStates
        case .outputHead: outputHead
        }
    }
}

extension [Completion] {
    /// The completions, if they can be those of so many prompts.
    /// - Throws: ``TrainerError`` with code `engineFailed`.
    package func answering(prompts: Int, _ options: SamplingOptions) throws -> [Completion] {
        func check(_ holds: Bool, _ found: @autoclosure () -> String, _ expected: @autoclosure () -> String) throws {
            if !holds { throw TrainerError(.engineFailed, "the sampler has given \(found())", expected: expected()) }
        }
        try check(count == prompts, "\(count) completions", "\(prompts), one a prompt")
        for completion in self {
            let (tokens, logProbs) = (completion.tokens, completion.logProbs)
            try check(tokens.count <= options.maxTokens, "a completion of \(tokens.count) tokens", "at most \(options.maxTokens)")
            try check(tokens.allSatisfy { $0 >= 0 }, "the token \(tokens.min() ?? 0)", "ids of 0 or more")
            try check(logProbs.count == tokens.count, "\(logProbs.count) log-probabilities of \(tokens.count) tokens", "one a token")
            // Rounding may put a certainty a little above 0.
            let odd = logProbs.first { !($0.isFinite && $0 <= 1e-3) }
            try check(odd == nil, "the log-probability \(odd ?? 0)", "a number of 0 or less")
        }
        return self
    }
}
