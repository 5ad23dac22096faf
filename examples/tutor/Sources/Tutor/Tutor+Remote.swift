#if canImport(SwageRemote)
import SwageRemote

extension Tutor {
    /// Trains in another process, which `swage serve` or any trainer of the service is.
    public init(address: String) async throws {
        let trainer = try await RemoteTrainer(at: TrainerAddress(address))
        try await self.init(trainer: trainer, sampler: trainer.sampler)
    }
}
#endif
