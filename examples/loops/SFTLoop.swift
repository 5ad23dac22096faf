import Swage

/// Supervised fine-tuning, whole and on any engine: a model learns to write what its examples show.
///
/// `swage sft` does the same with packing, shuffling, resumption, held-out loss and checkpoints.
///
/// - Returns: the loss of each step.
public func sft(
    trainer: any Trainer, conversations: [[ChatMessage]], conversationsPerStep: Int = 4, steps: Int
) async throws -> [Double] {
    let tokenizer = try await trainer.tokenizer()
    var losses: [Double] = []
    for step in 0..<steps {
        // Position t reads token t and predicts token t + 1; what the assistant wrote counts.
        let chosen = (0..<conversationsPerStep).map { conversations[(step * conversationsPerStep + $0) % conversations.count] }
        let rows = try chosen.map { try tokenizer.encode(chat: $0, addGenerationPrompt: false) }
        let length = rows.map(\.ids.count).max()! - 1
        func padded<Scalar>(_ zero: Scalar, _ values: (TargetedTokens) -> [Scalar]) throws -> Tensor<Scalar> {
            try Tensor(rows: rows.map { values($0) + Array(repeating: zero, count: length + 1 - $0.ids.count) })
        }
        let batch = TextTrainBatch(
            inputIDs: try padded(0) { Array($0.ids.dropLast()) }, targetIDs: try padded(0) { Array($0.ids.dropFirst()) },
            targetMask: try padded(0) { $0.isTarget.dropFirst().map { $0 ? 1 : 0 } })

        let result = try await trainer.forwardBackward(batch, loss: .crossEntropy)
        let update = try await trainer.optimStep()
        losses.append(result.loss)
        print("step \(update.step)  loss \(result.loss)  gradient norm \(update.gradientNorm)")
    }
    return losses
}
