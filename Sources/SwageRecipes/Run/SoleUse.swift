import Swage

/// A run is the only one that trains with its trainer, which others may reach as well. What others do to it in between is
/// noticed, and the run ends before it claims what is not its own.
struct SharedTrainer: Error {
    let error: TrainerError

    init(_ error: TrainerError) { self.error = error }

    init(_ what: String) {
        error = TrainerError(
            .engineFailed, "somebody else trains with the same trainer: \(what)",
            expected: "a trainer of this run's own; the same command goes on from its last checkpoint")
    }
}

extension Trainer {
    /// Takes a step with the gradients of so many calls.
    /// - Throws: ``SharedTrainer`` where they were not those.
    func optimStep(of microbatches: Int) async throws -> OptimStepResult {
        let result: OptimStepResult
        do {
            result = try await optimStep()
        } catch let error as TrainerError where error.code == .nothingAccumulated && microbatches > 0 {
            throw SharedTrainer("the gradients of \(microbatches) batches are gone")
        }
        guard result.accumulatedMicrobatches == microbatches else {
            throw SharedTrainer("step \(result.step) was taken with \(result.accumulatedMicrobatches) batches, and \(microbatches) are this run's")
        }
        return result
    }
}
