import Swage

/// Puts any ``Trainer`` through the invariants that its protocol promises, speaking to the protocol alone.
///
/// ```swift
/// let conformance = Conformance(subject)
/// for finding in await conformance.run() { print(finding) }
/// ```
public struct Conformance: Sendable {
    /// The promises of ``Swage/Trainer``, by the numbers of its documentation.
    public enum Invariant: Int, Sendable, CaseIterable {
        case forwardChangesNothing = 1
        case microbatchesEqualOneBatch
        case clearedGradientsNeverWere
        case failedCallsLeaveNoTrace
        case loadingRestoresTheSave
        case checkpointsAreCompleteOrAbsent
        case maskedContentChangesNothing
        case badInputIsAnError
        case enginesAgree

        /// What it is called in reports, such as `enginesAgree`.
        public var name: String { "\(self)" }

        /// - Parameter text: the name or the number.
        public init?(_ text: String) {
            guard let known = Self.allCases.first(where: { $0.name == text || "\($0.rawValue)" == text }) else { return nil }
            self = known
        }
    }

    /// What is tested, and what the tests need to know about it.
    public struct Subject: Sendable {
        /// Makes a trainer that has the same weights every time, an effective optimizer (a learning rate that shows),
        /// the cross-entropy loss, and the given default place of checkpoints. It may be the one from before, as it
        /// was at first: no check uses two at a time.
        public var makeTrainer: @Sendable (_ checkpointDirectory: String) async throws -> any Trainer
        /// Makes a trainer of another engine, or of another setting of this one, with the same weights.
        public var makeReference: @Sendable (_ checkpointDirectory: String) async throws -> any Trainer
        /// The number of token ids.
        public var vocabularySize: Int
        /// A checkpoint of a model of another shape, if there is one at hand.
        public var foreignCheckpoint: String?
        /// Whether the same calls must give the same bits; otherwise 1e-4 is close enough.
        public var isBitExact: Bool
        /// Whether `makeTrainer` gives the trainer the default place that it is told.
        public var choosesCheckpointDirectory: Bool
        /// A folder of its own that both this process and the trainer can write to.
        public var workspace: String

        public init(
            vocabularySize: Int, workspace: String, isBitExact: Bool = false, foreignCheckpoint: String? = nil,
            choosesCheckpointDirectory: Bool = true,
            makeTrainer: @escaping @Sendable (String) async throws -> any Trainer,
            makeReference: @escaping @Sendable (String) async throws -> any Trainer
        ) {
            self.vocabularySize = vocabularySize
            self.workspace = workspace
            self.isBitExact = isBitExact
            self.foreignCheckpoint = foreignCheckpoint
            self.choosesCheckpointDirectory = choosesCheckpointDirectory
            self.makeTrainer = makeTrainer
            self.makeReference = makeReference
        }
    }

    let subject: Subject

    private let calls: LastCall?

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
