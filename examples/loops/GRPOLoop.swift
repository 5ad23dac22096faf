import Swage

/// Group relative policy optimization (Shao et al., 2024), whole and on any engine: a model writes several answers to each
/// question, and learns to write those that are worth more than the others.
///
/// `swage grpo` does the same with resumption, several updates a rollout, a reference model, and environments.
///
/// - Parameters:
///   - questions: what is asked in a step; each step asks the next.
///   - reward: what an answer to a question is worth.
/// - Returns: the mean reward of each step.
public func grpo(
    trainer: any Trainer, sampler: any Sampler, questions: [String], questionsPerStep: Int = 4, groupSize: Int = 8,
    steps: Int, maxTokens: Int = 32, reward: @Sendable (_ question: String, _ answer: String) async throws -> Double
) async throws -> [Double] {
    let tokenizer = try await trainer.tokenizer()
    var curve: [Double] = []

    for step in 0..<steps {
        // 1. Ask. The answers to one question stand side by side, so that its tokens are read once.
        let asked = (0..<questionsPerStep).map { questions[(step * questionsPerStep + $0) % questions.count] }
        let prompts = try asked.flatMap { question in
            let chat = [ChatMessage(role: "user", content: question)]
            let ids = try tokenizer.encode(chat: chat, addGenerationPrompt: true).ids
            return Array(repeating: ids, count: groupSize)
        }

        // 2. Let the model answer. Each answer draws from a stream of its own, so that a run can be repeated.
        let firstStream = step * prompts.count
        let completions = try await sampler.generate(
            prompts,
            options: SamplingOptions(maxTokens: maxTokens, streams: prompts.indices.map { UInt64(firstStream + $0) }))

        // 3. Score.
        var rewards: [Double] = []
        for (index, completion) in completions.enumerated() {
            let answer = try tokenizer.decode(completion.tokens, skipSpecialTokens: true)
            rewards.append(try await reward(asked[index / groupSize], answer))
        }
        curve.append(rewards.reduce(0, +) / Double(rewards.count))

        // 4. Compare each answer with the others to its question.
        let advantages = stride(from: 0, to: rewards.count, by: groupSize).flatMap { begin in
            standardized(Array(rewards[begin..<begin + groupSize]))
        }

        // 5. Learn. Position t reads token t and predicts token t + 1; only what the model wrote counts.
        let batch = try policyBatch(prompts, completions, advantages)
        let result = try await trainer.forwardBackward(batch, loss: .grpo())
        let update = try await trainer.optimStep()
        print(
            "step \(update.step)  reward \(curve.last!)  entropy \(result.metrics["entropy"]?.value ?? 0)  "
                + "gradient norm \(update.gradientNorm)")
    }
    return curve
}

/// How far each reward lies from the mean of its group, in standard deviations.
private func standardized(_ rewards: [Double]) -> [Double] {
    let mean = rewards.reduce(0, +) / Double(rewards.count)
    let variance = rewards.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(rewards.count - 1, 1))
    return rewards.map { ($0 - mean) / (variance.squareRoot() + 1e-4) }
}

/// One row for each completion, padded to the longest.
private func policyBatch(
    _ prompts: [[Int32]], _ completions: [Completion], _ advantages: [Double]
) throws -> TextTrainBatch {
    let texts = zip(prompts, completions).map { $0 + $1.tokens }
    let length = texts.map(\.count).max()! - 1
    func rows<Scalar>(_ zero: Scalar, _ values: (Int) -> [Scalar]) throws -> Tensor<Scalar> {
        try Tensor(
            rows: texts.indices.map { row in
                let row = values(row)
                return row + Array(repeating: zero, count: length - row.count)
            })
    }
    /// Nothing for the prompt, and a value for each token of the completion.
    func written(_ row: Int, _ values: [Float]) -> [Float] {
        Array(repeating: 0, count: prompts[row].count - 1) + values
    }
    return TextTrainBatch(
        inputIDs: try rows(0) { Array(texts[$0].dropLast()) },
        targetIDs: try rows(0) { Array(texts[$0].dropFirst()) },
        targetMask: try rows(0) { row in written(row, completions[row].tokens.map { _ in 1 }) },
        targetWeights: try rows(0) { row in written(row, completions[row].tokens.map { _ in Float(advantages[row]) }) },
        lossInputs: ["samplerLogProbs": try rows(0) { row in written(row, completions[row].logProbs) }])
}
