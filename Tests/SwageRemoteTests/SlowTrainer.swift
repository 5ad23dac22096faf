#if Engines
import Swage
import Synchronization

/// A trainer whose calls take long, and which tells how they ended.
final class SlowTrainer: Trainer {
    struct Counts: Equatable {
        var begun = 0
        var ended = 0
        var cancelled = 0
    }

    private let state = Mutex(Counts())
    private let duration: Duration

    /// How many calls fail before one succeeds.
    private let failures: Int
    /// How many numbers `forward` gives.
    private let outputSize: Int
    private let words: (any Tokenizer)?

    init(_ duration: Duration, failures: Int = 0, outputSize: Int = 0, tokenizer: (any Tokenizer)? = nil) {
        (self.duration, self.failures, self.outputSize, words) = (duration, failures, outputSize, tokenizer)
    }

    var counts: Counts { state.withLock { $0 } }

    private func work() async throws {
        let begun = state.withLock { state in
            state.begun += 1
            return state.begun
        }
        do {
            try await Task.sleep(for: duration)
        } catch {
            state.withLock { $0.cancelled += 1 }
            throw error
        }
        if begun <= failures { throw TrainerError(.nonFinite, "failure \(begun)") }
        state.withLock { $0.ended += 1 }
    }

    func forwardBackward(_ batch: TextTrainBatch, loss: LossFunction?) async throws -> ForwardBackwardResult {
        try await work()
        return ForwardBackwardResult(sum: 1, denominator: 1, metrics: ["n": .sum(2)])
    }

    func optimStep(_ optimizer: OptimizerOptions?) async throws -> OptimStepResult {
        try await work()
        return OptimStepResult(step: counts.ended, learningRate: 0.5, accumulatedMicrobatches: 1, gradientNorm: 3)
    }

    func clearGradients() async throws {}

    func forward(_ inputs: ForwardInputs) async throws -> ForwardOutputs {
        try await work()
        return outputSize == 0 ? ForwardOutputs() : ForwardOutputs(logits: Tensor(repeating: 1, shape: [1, 1, outputSize]))
    }

    func save(name: String?, path: String?, weightsOnly: Bool) async throws -> SavedCheckpoint {
        SavedCheckpoint(path: "/\(name ?? "no name"), \(path ?? "no path"), \(weightsOnly)")
    }

    func load(_ path: String?) async throws -> LoadedCheckpoint {
        LoadedCheckpoint(path: path ?? "/newest", step: 4, weightsOnly: true)
    }

    func config() async throws -> TrainerConfig {
        var parallelism = Parallelism(device: "imaginary")
        parallelism.tensorParallel = 2
        parallelism.worldSize = 6
        return TrainerConfig(
            modelName: "slow",
            modelConfiguration: ["a": .integer(1), "b": .number(0.5), "c": .flag(true), "d": .text("x")],
            parallelism: parallelism, capabilities: Capabilities(outputs: [.logProbs]))
    }

    func status() async throws -> TrainerStatus { TrainerStatus(step: counts.ended, accumulatedMicrobatches: 0) }

    func tokenizer() async throws -> any Tokenizer {
        guard let words else { throw TrainerError(.unsupported, "it has none") }
        return words
    }
}
#endif
