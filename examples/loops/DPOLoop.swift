import Swage

/// Two answers to one question, of which people prefer the first.
public struct Preference: Sendable {
    public var question: String
    public var chosen: String
    public var rejected: String

    public init(question: String, chosen: String, rejected: String) {
        (self.question, self.chosen, self.rejected) = (question, chosen, rejected)
    }
}

/// Direct preference optimization (Rafailov et al., 2023), whole and on any engine: a model learns to prefer what people
/// prefer, kept near to what it was.
///
/// `swage dpo` does the same with resumption, held-out margins, and data as people have it.
///
/// - Returns: the mean margin of each step.
public func dpo(
    trainer: any Trainer, preferences: [Preference], pairsPerStep: Int = 4, beta: Double = 0.1, steps: Int
) async throws -> [Double] {
    let tokenizer = try await trainer.tokenizer()

    // 1. Chosen and rejected answers in turn: row 2i and row 2i + 1 are a pair.
    var batches = try stride(from: 0, to: preferences.count, by: pairsPerStep).map { begin in
        let pairs = preferences[begin..<min(begin + pairsPerStep, preferences.count)]
        return try batch(
            pairs.flatMap { pair in
                try [pair.chosen, pair.rejected].map { answer in
                    let chat = [
                        ChatMessage(role: "user", content: pair.question), ChatMessage(role: "assistant", content: answer),
                    ]
                    return try tokenizer.encode(chat: chat, addGenerationPrompt: false)
                }
            })
    }

    // 2. The reference is the model as it is now. What it says is computed once; there is no second model.
    for index in batches.indices {
        let outputs = try await trainer.forward(ForwardInputs(logProbsOf: batches[index]))
        batches[index].lossInputs["referenceLogProbs"] = outputs.logProbs
    }

    // 3. Learn.
    var margins: [Double] = []
    for step in 0..<steps {
        let result = try await trainer.forwardBackward(batches[step % batches.count], loss: .dpo(beta: beta))
        let update = try await trainer.optimStep()
        margins.append(result.metrics["margin"]?.value ?? 0)
        print("step \(update.step)  loss \(result.loss)  margin \(margins.last!)  accuracy \(result.metrics["accuracy"]?.value ?? 0)")
    }
    return margins
}

/// One row for each conversation, padded to the longest; the assistant's tokens are learned.
private func batch(_ rows: [TargetedTokens]) throws -> TextTrainBatch {
    let length = rows.map(\.ids.count).max()! - 1
    func padded<Scalar>(_ zero: Scalar, _ values: (TargetedTokens) -> [Scalar]) throws -> Tensor<Scalar> {
        try Tensor(rows: rows.map { values($0) + Array(repeating: zero, count: length + 1 - $0.ids.count) })
    }
    return TextTrainBatch(
        inputIDs: try padded(0) { Array($0.ids.dropLast()) }, targetIDs: try padded(0) { Array($0.ids.dropFirst()) },
        targetMask: try padded(0) { $0.isTarget.dropFirst().map { $0 ? 1 : 0 } })
}
