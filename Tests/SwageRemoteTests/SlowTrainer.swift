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

    init(_ duration: Duration) { self.duration = duration }

    var counts: Counts { state.withLock { $0 } }

    private func work() async throws {
        state.withLock { $0.begun += 1 }
        do {
            try await Task.sleep(for: duration)
        } catch {
            state.withLock { $0.cancelled += 1 }
            throw error
        }
        state.withLock { $0.ended += 1 }
    }

    func forwardBackward(_ batch: TextTrainBatch, loss: LossFunction?) async throws -> ForwardBackwardResult {
        try await work()
        return ForwardBackwardResult(loss: 1, metrics: ["n": 2])
    }

    func optimStep() async throws -> OptimStepResult {
        try await work()
        return OptimStepResult(step: counts.ended, learningRate: 0.5, accumulatedMicrobatches: 1, gradientNorm: 3)
    }

    func clearGradients() async throws {}
    func forward(_ inputs: ForwardInputs) async throws -> ForwardOutputs { ForwardOutputs() }

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

    func tokenizer() async throws -> any Tokenizer { throw TrainerError(.unsupported, "it has none") }
}
#endif
