import Swage
import SwageNative

func teachOneAnswer(model: String) async throws -> String {
    let trainer = try await NativeTrainer(model: model, optimizer: OptimizerOptions(learningRate: 1e-4))
    let tokenizer = try await trainer.tokenizer()

    // Position t reads token t and predicts token t + 1; the mask keeps what the assistant wrote.
    let question = ChatMessage(role: "user", content: "Who are you?")
    let answer = ChatMessage(role: "assistant", content: "A model that was trained in Swift.")
    let chat = try tokenizer.encode(chat: [question, answer], addGenerationPrompt: false)
    let batch = TextTrainBatch(
        inputIDs: try Tensor(rows: [Array(chat.ids.dropLast())]),
        targetIDs: try Tensor(rows: [Array(chat.ids.dropFirst())]),
        targetMask: try Tensor(rows: [chat.isTarget.dropFirst().map { $0 ? 1 : 0 }]))

    for _ in 1...10 {
        let result = try await trainer.forwardBackward(batch)
        let step = try await trainer.optimStep()
        print("step \(step.step)  loss \(result.loss)  gradient norm \(step.gradientNorm)")
    }

    let prompt = try tokenizer.encode(chat: [question], addGenerationPrompt: true).ids
    let completion = try await trainer.sampler.generate([prompt], options: .greedy(maxTokens: 20))[0]
    return try tokenizer.decode(completion.tokens, skipSpecialTokens: true)
}
