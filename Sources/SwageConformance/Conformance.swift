import Swage

/// Puts any ``Swage/Trainer`` through the invariants that its protocol promises, speaking to the protocol alone.
///
/// ```swift
/// let conformance = Conformance(subject)
/// for finding in await conformance.run() { print(finding) }
/// ```
public struct Conformance: Sendable {
    /// The promises of ``Swage/Trainer``, by the numbers of its documentation.
    public enum Invariant: Int, Sendable, CaseIterable {
        /// `forwardBackward` changes no parameter, and `forward` changes nothing at all.
        case forwardChangesNothing = 1
        /// k microbatches followed by a step equal one batch followed by a step, up to rounding, also when the
        /// microbatches have different numbers of unmasked tokens. Their results, combined, are that of the one batch.
        case microbatchesEqualOneBatch
        /// After `clearGradients` it is as if the cleared microbatches had never been.
        case clearedGradientsNeverWere
        /// A call that throws leaves the state as it was.
        case failedCallsLeaveNoTrace
        /// After `load`, the state is that of the `save`, and going on gives the same losses.
        case loadingRestoresTheSave
        /// A checkpoint is complete or it is not there.
        case checkpointsAreCompleteOrAbsent
        /// Masked targets, padding, and the content of a packed neighbor change nothing.
        case maskedContentChangesNothing
        /// Bad input is a ``Swage/TrainerError`` that says what, where, and what was expected.
        case badInputIsAnError
        /// Engines given the same weights, batch and loss agree to 1e-4 (relative, float32).
        case enginesAgree

        /// What it is called in reports, such as `enginesAgree`.
        public var name: String { "\(self)" }

        /// - Parameter text: the name or the number.
        public init?(_ text: String) {
            guard let known = Self.allCases.first(where: { $0.name == text || "\($0.rawValue)" == text }) else { return nil }
            self = known
        }
    }

    let subject: Subject

    private let calls: LastCall?

    /// Nothing is made or run yet: every check has the subject make the trainers that it needs.
    public init(_ subject: Subject) { self.init(subject, noting: nil) }

    init(_ subject: Subject, noting calls: LastCall?) { (self.subject, self.calls) = (subject, calls) }

    /// Checks one invariant.
    /// - Throws: ``ConformanceFailure`` if it is broken, or what the trainer throws out of turn.
    public func check(_ invariant: Invariant) async throws {
        switch invariant {
        case .forwardChangesNothing: try await checkForwardChangesNothing()
        case .microbatchesEqualOneBatch: try await checkMicrobatchesEqualOneBatch()
        case .clearedGradientsNeverWere: try await checkClearedGradientsNeverWere()
        case .failedCallsLeaveNoTrace: try await checkFailedCallsLeaveNoTrace()
        case .loadingRestoresTheSave: try await checkLoadingRestoresTheSave()
        case .checkpointsAreCompleteOrAbsent: try await checkCheckpointsAreCompleteOrAbsent()
        case .maskedContentChangesNothing: try await checkMaskedContentChangesNothing()
        case .badInputIsAnError: try await checkBadInputIsAnError()
        case .enginesAgree: try await checkEnginesAgree()
        }
    }

    /// A trainer whose calls are told of where a promise is broken.
    func noted(_ trainer: any Trainer) -> any Trainer { calls.map { NotedTrainer(trainer: trainer, calls: $0) } ?? trainer }

    func trainer(_ purpose: String) async throws -> any Trainer {
        noted(try await subject.makeTrainer("\(subject.workspace)/\(purpose)"))
    }
}

/// A promise that a trainer did not keep.
public struct ConformanceFailure: Error, CustomStringConvertible {
    public let description: String
}

func expect(_ holds: Bool, _ otherwise: @autoclosure () -> String) throws {
    if !holds { throw ConformanceFailure(description: otherwise()) }
}
