import Foundation
import Swage
import SwageNative
import SwageRecipes
import SwageText
import TestSupport

/// A fine-tuning of some steps on a tiny model, in code.
struct QuickRun {
    var steps = 4
    var saveEvery: Int? = 2
    var sequenceLength = 40
    var learningRate = 1e-3
    /// What stands in every example.
    var word = "is"
    var heldOutWord = "is"
    var examples = 20
    var model = Golden.decoder("qwen2")
    var startsOver = false
    /// Wraps the trainer before it is used.
    var wrapping: @Sendable (NativeTrainer) -> any Trainer = { $0 }
    var observe: @Sendable (SupervisedFineTuning.Event) -> Void = { _ in }

    /// Writes examples to a file.
    static func examples(_ path: String, word: String, count: Int = 20) throws -> Examples<TrainingExample> {
        let lines = (0..<count).map { #"{"prompt": "Number \#($0)", "completion": " \#(word) \#($0 * 37 % 11)"}"# }
        try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
        return try Examples(path: path)
    }

    /// - Parameters:
    ///   - output: the folder of the run.
    ///   - inputs: where its data is written.
    func callAsFunction(_ output: String, inputs: String) async throws -> SupervisedFineTuning.Outcome {
        let directory = RunDirectory(path: output, startsOver: startsOver)
        let trainer = try await NativeTrainer(
            model: model, optimizer: OptimizerOptions(learningRate: learningRate), checkpointDirectory: directory.checkpoints,
            chatTemplate: "chatml", threads: 1)
        return try await SupervisedFineTuning(
            trainer: wrapping(trainer), training: Self.examples(inputs + "/examples.jsonl", word: word, count: examples),
            heldOut: Self.examples(inputs + "/held-out.jsonl", word: heldOutWord), directory: directory,
            contents: try RunIdentity.contents(ofModel: model),
            options: .init(steps: steps, batches: .init(rows: 2, sequenceLength: sequenceLength), saveEvery: saveEvery),
            observe: observe
        ).run()
    }

    /// Runs until a step is taken.
    func interrupted(after step: Int, _ output: String, inputs: String) async throws {
        var run = self
        run.observe = { if case .step(let taken, _) = $0, taken.step == step { cancelThisTask() } }
        _ = try await Task { [run] in try await run(output, inputs: inputs) }.value
    }
}

/// The losses of a run, as they are written.
func lossesOfRun(_ output: String) throws -> [Double] {
    struct Line: Decodable { var loss: Double }
    return try String(contentsOfFile: output + "/metrics.jsonl", encoding: .utf8).split(separator: "\n")
        .map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)).loss }
}

/// A trainer that does something of its own before a pass or after it has saved.
struct ChangedTrainer: Trainer {
    let trainer: NativeTrainer
    var saved: @Sendable (_ path: String, _ weightsOnly: Bool) throws -> Void = { _, _ in }
    var beforePass: @Sendable (TextTrainBatch) async throws -> Void = { _ in }
    var afterPass: @Sendable (ForwardBackwardResult) -> ForwardBackwardResult = { $0 }
    var afterForward: @Sendable (ForwardOutputs) -> ForwardOutputs = { $0 }
    /// How many steps it has taken for others.
    var stepsBefore = 0

    func forwardBackward(_ batch: TextTrainBatch, loss: LossFunction?) async throws -> ForwardBackwardResult {
        try await beforePass(batch)
        return afterPass(try await trainer.forwardBackward(batch, loss: loss))
    }
    func optimStep(_ optimizer: OptimizerOptions?) async throws -> OptimStepResult { try await trainer.optimStep(optimizer) }
    func clearGradients() async throws { try await trainer.clearGradients() }
    func forward(_ inputs: ForwardInputs) async throws -> ForwardOutputs { afterForward(try await trainer.forward(inputs)) }
    func save(name: String?, path: String?, weightsOnly: Bool) async throws -> SavedCheckpoint {
        let checkpoint = try await trainer.save(name: name, path: path, weightsOnly: weightsOnly)
        try saved(checkpoint.path, weightsOnly)
        return checkpoint
    }
    func load(_ path: String?) async throws -> LoadedCheckpoint { try await trainer.load(path) }
    func config() async throws -> TrainerConfig { try await trainer.config() }
    func status() async throws -> TrainerStatus {
        let status = try await trainer.status()
        return TrainerStatus(step: status.step + stepsBefore, accumulatedMicrobatches: status.accumulatedMicrobatches)
    }
    func tokenizer() async throws -> any Tokenizer { try await trainer.tokenizer() }
}
