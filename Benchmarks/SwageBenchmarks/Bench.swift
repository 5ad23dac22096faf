import Foundation
import Swage
import SwageNative

/// Does the jobs of a benchmark with the native engine.
struct Bench {
    private let trainer: NativeTrainer
    private let path: String
    private let model: [String: ConfigurationValue]
    private let limits: MachineLimits
    private let sampler: NativeSampler

    init(model path: String, threads: Int, inEightBits: Bool) async throws {
        self.path = path
        trainer = try await NativeTrainer(
            model: path, optimizer: OptimizerOptions(learningRate: 1e-5, maxGradientNorm: 1), threads: threads,
            profiles: true)
        model = try await trainer.config().modelConfiguration
        sampler =
            inEightBits
            ? try await NativeSampler(model: path, weights: .eightBit, threads: threads) : trainer.sampler
        limits = try MachineLimits(model, threads: threads)
    }

    func run(_ job: Job) async throws -> Answer {
        if let sequences = job.train { return try await train(sequences) }
        if let questions = job.grpo { return try await ReinforcementBench(trainer).learn(from: questions) }
        if let sequences = job.policy { return try await ReinforcementBench(trainer).update(sequences) }
        if let kind = job.handover { return try await HandoverBench(trainer, model: path).run(kind) }
        if let prompts = job.generate { return try await generate(prompts) }
        if let loss = job.loss { return try await computeLoss(loss) }
        if let products = job.products { return limits.run(products) }
        if job.bandwidth != nil { return limits.bandwidth() }
        if job.profile != nil {
            let profile = await trainer.profile()!
            return Answer(
                seconds: 0, waiting: Double(profile.waiting) * 1e-9,
                phases: Dictionary(
                    uniqueKeysWithValues: NativeProfile.Phase.allCases.map {
                        ($0.rawValue, profile.totals[$0]?.seconds ?? 0)
                    }))
        }
        if let name = job.lossCost { return Answer(seconds: try secondsOfCall(name)) }
        fatalError("the job asks for nothing: \(job)")
    }

    private func train(_ sequences: [Job.Sequence]) async throws -> Answer {
        let start = ContinuousClock.now
        let batch = TextTrainBatch(
            inputIDs: try padded(sequences.map { $0.ids.dropLast() }),
            targetIDs: try padded(sequences.map { $0.ids.dropFirst() }),
            targetMask: try padded(sequences.map { $0.learned.dropFirst() }))
        let result = try await trainer.forwardBackward(batch, loss: .crossEntropy)
        _ = try await trainer.optimStep()
        return Answer(seconds: start.duration(to: .now) / .seconds(1), loss: result.loss)
    }

    private func padded<Scalar: Sendable & Equatable & ExpressibleByIntegerLiteral>(_ rows: [ArraySlice<Scalar>]) throws -> Tensor<Scalar> {
        let longest = rows.map(\.count).max()!
        return try Tensor(rows: rows.map { $0 + Array(repeating: 0, count: longest - $0.count) })
    }

    private func generate(_ prompts: [[Int32]]) async throws -> Answer {
        let start = ContinuousClock.now
        let completions = try await sampler.generate(prompts, options: SamplingOptions(maxTokens: 64))
        precondition(completions.allSatisfy { $0.tokens.count == 64 }, "a completion ended early")
        let seconds = start.duration(to: .now) / .seconds(1)
        return Answer(seconds: seconds, bytes: 64 * (await sampler.weightBytes))
    }

    private func computeLoss(_ job: Job.LossJob) async throws -> Answer {
        let losses: [String: LossFunction] = [
            "cross-entropy": .crossEntropy, "linear-cross-entropy": .linearCrossEntropy,
            "smoothed-cross-entropy": .crossEntropy(smoothing: 0.1),
        ]
        guard let loss = losses[job.name] else { fatalError("there is no loss \(job.name) among \(losses.keys)") }
        guard case .integer(let vocabulary)? = model["vocab_size"] else { fatalError("there is no vocabulary size") }
        let ids = (0..<job.tokens).map { Int32($0 * 7919 % vocabulary) }
        let batch = TextTrainBatch(
            inputIDs: try Tensor(ids, shape: [1, job.tokens]),
            targetIDs: try Tensor(ids.reversed(), shape: [1, job.tokens]))
        let start = ContinuousClock.now
        let result = try await trainer.forwardBackward(batch, loss: loss)
        return Answer(seconds: start.duration(to: .now) / .seconds(1), loss: result.loss)
    }
}
