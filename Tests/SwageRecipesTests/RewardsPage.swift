// What docs/Rewards.md shows.
import Swage
import SwageNative
import SwageRecipes

// MARK: a run
/// A model learns to answer rightly, and in few words.
func learnToBeBrief(model: String, output: String, steps: Int) async throws -> GRPO.Outcome {
    let directory = RunDirectory(path: output)
    let trainer = try await NativeTrainer(
        model: model, optimizer: OptimizerOptions(learningRate: 1e-5), checkpointDirectory: directory.checkpoints,
        chatTemplate: "chatml")

    let brief = Reward("brief", weight: 0.2, timeout: .seconds(5)) { conversation in
        1 / Double(1 + conversation.reply.split(separator: " ").count)
    }

    return try await GRPO(
        trainer: trainer, sampler: trainer.sampler, problems: try ArithmeticProblems(difficulty: 1),
        heldOut: try ArithmeticProblems(difficulty: 1, part: .heldOut), rewards: [.number, brief],
        environment: { _ in Calculator() }, tokenizer: try await trainer.tokenizer(), directory: directory,
        options: .init(
            steps: steps, problemsPerRollout: 2,
            rollouts: .init(groupSize: 4, sampling: SamplingOptions(maxTokens: 16), failures: .drop), heldOutProblems: 8),
        observe: { event in
            if case .step(let step, let steps) = event {
                print("step \(step.step) of \(steps): reward \(step.metrics["reward"] ?? 0)")
            }
        }
    ).run()
}

// MARK: an environment
/// Works out `<calc>12 + 7</calc>` where a model writes it, and lets the model go on.
struct Calculator: Environment {
    func respond(to reply: String) async throws -> [ChatMessage]? {
        guard let call = reply.firstMatch(of: /<calc>\s*(\d{1,9})\s*([+-])\s*(\d{1,9})\s*<\/calc>/) else { return nil }
        let (first, second) = (Int(call.1)!, Int(call.3)!)
        return [ChatMessage(role: "user", content: "\(call.2 == "+" ? first + second : first - second)")]
    }
}
