import Foundation
import Swage

/// Brings a trainer's weights to a sampler that has weights of its own. One that shares them has nothing to wait for.
struct WeightHandover: Sendable {
    let trainer: any Trainer
    let sampler: any Sampler
    /// Where the weights lie on their way.
    let folder: String

    /// Returns the seconds that it took.
    func callAsFunction() async throws -> Double {
        guard !sampler.sharesWeights else { return 0 }
        let start = ContinuousClock.now
        let saved = try await trainer.save(name: nil, path: folder, weightsOnly: true)
        try await sampler.updateWeights(from: saved.path, version: try await trainer.status().step)
        return start.duration(to: .now) / .seconds(1)
    }
}
