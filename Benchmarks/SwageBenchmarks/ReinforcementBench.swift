import Swage
import SwageNative
import SwageRecipes

/// The parts of a GRPO step.
struct ReinforcementBench {
    private let trainer: NativeTrainer

    init(_ trainer: NativeTrainer) { self.trainer = trainer }

    /// One step as `swage grpo` takes it: 8 answers to each problem, and one update.
    func learn(from questions: [Job.Question]) async throws -> Answer {
        let problems = Questions(questions: questions)
        let start = ContinuousClock.now
        let rollouts = try Rollouts(
            trainer.sampler, tokenizer: try await trainer.tokenizer(), rewards: [.number],
            options: .init(groupSize: 8, sampling: SamplingOptions(maxTokens: 64)))
        let (rollout, _) = try await rollouts.collect(0..<questions.count, of: problems)
        let rolloutSeconds = start.duration(to: .now) / .seconds(1)
        let advantages = Advantages()(rollout.groups.map { $0.map(\.reward) })
        var loss = 0.0
        for pair in stride(from: 0, to: rollout.groups.count, by: 2).map({ $0..<min($0 + 2, rollout.groups.count) }) {
            let batch = PolicyBatch.make(
                rollout.groups[pair].flatMap { $0 }, advantages: advantages[pair].flatMap { $0 })
            loss += try await trainer.forwardBackward(batch, loss: .grpo()).loss
        }
        _ = try await trainer.optimStep()
        var answer = Answer(seconds: start.duration(to: .now) / .seconds(1), loss: loss)
        answer.rolloutSeconds = rolloutSeconds
        answer.writtenTokens = rollout.trajectories.reduce(0) { $0 + $1.writtenCount }
        return answer
    }

    /// One update on sequences of 256 tokens of prompt each and a completion.
    func update(_ sequences: [[Int32]]) async throws -> Answer {
        let length = sequences[0].count - 1
        let mask = (0..<length).map { Float($0 >= 255 ? 1 : 0) }
        let rows = sequences.map { _ in mask }
        let batch = TextTrainBatch(
            inputIDs: try Tensor(rows: sequences.map { Array($0.dropLast()) }),
            targetIDs: try Tensor(rows: sequences.map { Array($0.dropFirst()) }), targetMask: try Tensor(rows: rows),
            targetWeights: try Tensor(rows: rows.indices.map { row in mask.map { $0 * (row.isMultiple(of: 2) ? 1 : -1) } }),
            lossInputs: ["samplerLogProbs": Tensor(repeating: -10, shape: [sequences.count, length])])
        let start = ContinuousClock.now
        let result = try await trainer.forwardBackward(batch, loss: .grpo())
        _ = try await trainer.optimStep()
        return Answer(seconds: start.duration(to: .now) / .seconds(1), loss: result.loss)
    }
}

private struct Questions: ProblemSource {
    let questions: [Job.Question]

    func problem(_ number: Int) -> Problem {
        Problem(messages: [ChatMessage(role: "user", content: questions[number].question)], answer: questions[number].answer)
    }
}
