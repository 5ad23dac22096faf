public import Swage

extension Conformance {
    /// What is tested, and what the tests need to know about it.
    public struct Subject: Sendable {
        /// Makes a trainer that has the same weights every time, an effective optimizer (a learning rate that shows),
        /// the cross-entropy loss, and the given default place of checkpoints. It may be the one from before, as it
        /// was at first: no check uses two at a time.
        public var makeTrainer: @Sendable (_ checkpointDirectory: String) async throws -> any Trainer
        /// What tells the right values.
        public var reference: Reference
        /// The number of token ids.
        public var vocabularySize: Int
        /// A checkpoint of a model of another shape, if there is one at hand.
        public var foreignCheckpoint: String?
        /// Whether the same calls must give the same bits; otherwise 1e-4 is close enough.
        public var isBitExact: Bool
        /// torch's name of the type that the trainer computes in: see ``Conformance/slack(of:)``.
        public var dtype: String?
        /// Whether `makeTrainer` gives the trainer the default place that it is told.
        public var choosesCheckpointDirectory: Bool
        /// A folder of its own that both this process and the trainer can write to.
        public var workspace: String
        /// What writes with the weights of the trainer that was made last; nil where nothing does.
        public var sampler: (@Sendable (any Trainer) async throws -> (any Sampler)?)?
        /// Makes the same trainer, each request to which is made twice, as where a connection breaks before the answer is
        /// there; nil where calls are no requests.
        public var makeRepeating: (@Sendable (_ checkpointDirectory: String) async throws -> any Trainer)?
        /// Makes the same trainer with a default place of its own, which this process can read; nil where there is none but what
        /// `makeTrainer` is told.
        public var makeInOwnPlace: (@Sendable () async throws -> any Trainer)?
        /// Checks what a service promises beside the protocol, with a trainer that has just begun, a batch that it takes being
        /// given; nil where none is in between.
        public var checkService: (@Sendable (_ batch: TextTrainBatch) async throws -> Void)?

        /// A subject to be checked. By default it computes in float32, 1e-4 is close enough, there is no checkpoint of another shape, trainers take the
        /// default place that they are told and no other, nothing writes, no request is made twice, and no service is in between.
        public init(
            vocabularySize: Int, workspace: String, isBitExact: Bool = false, foreignCheckpoint: String? = nil,
            choosesCheckpointDirectory: Bool = true, makeTrainer: @escaping @Sendable (String) async throws -> any Trainer,
            reference: Reference, sampler: (@Sendable (any Trainer) async throws -> (any Sampler)?)? = nil,
            makeRepeating: (@Sendable (String) async throws -> any Trainer)? = nil,
            makeInOwnPlace: (@Sendable () async throws -> any Trainer)? = nil,
            checkService: (@Sendable (TextTrainBatch) async throws -> Void)? = nil
        ) {
            self.vocabularySize = vocabularySize
            self.workspace = workspace
            self.isBitExact = isBitExact
            self.foreignCheckpoint = foreignCheckpoint
            self.choosesCheckpointDirectory = choosesCheckpointDirectory
            self.reference = reference
            self.sampler = sampler
            self.makeRepeating = makeRepeating
            self.makeInOwnPlace = makeInOwnPlace
            self.checkService = checkService
            self.makeTrainer = makeTrainer
        }
    }

    /// What tells the right values of a model.
    public enum Reference: Sendable {
        /// A trainer of another engine, or of another setting of this one, with the same weights.
        case trainer(@Sendable (_ checkpointDirectory: String) async throws -> any Trainer)
        /// What another implementation of the model came to, for a family that no engine here has.
        case values([ReferenceStep])
    }
}
