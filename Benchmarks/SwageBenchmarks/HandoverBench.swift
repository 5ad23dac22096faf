import Foundation
import Swage
import SwageNative

/// What it takes until a sampler writes with the weights of a step.
struct HandoverBench {
    private let trainer: NativeTrainer
    private let model: String

    init(_ trainer: NativeTrainer, model: String) { (self.trainer, self.model) = (trainer, model) }

    func run(_ kind: String) async throws -> Answer {
        let sampler = kind == "shared" ? trainer.sampler : try await NativeSampler(model: model)
        let step = try await trainer.status().step + 1
        _ = try await trainer.forwardBackward(
            TextTrainBatch(inputIDs: Tensor(repeating: 5, shape: [1, 8]), targetIDs: Tensor(repeating: 6, shape: [1, 8])))
        _ = try await trainer.optimStep()

        let start = ContinuousClock.now
        if !sampler.sharesWeights {
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent("swage-handover-\(getpid())").path
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let saved = try await trainer.save(name: nil, path: folder, weightsOnly: true)
            try await sampler.updateWeights(from: saved.path, version: step)
        }
        let seconds = start.duration(to: .now) / .seconds(1)
        let version = try await sampler.generate([[5]], options: .greedy(maxTokens: 1))[0].weightsVersion
        precondition(version == step, "the sampler wrote with the weights of step \(version), not \(step)")
        let isSame = await sampler.weightsAddress == trainer.sampler.weightsAddress
        return Answer(seconds: seconds, bytes: isSame ? 0 : await sampler.weightBytes)
    }
}
