/// Something that a model computes, and a loss or an application can ask for.
public enum ModelOutput: String, Sendable, Hashable, CaseIterable {
    /// The log-probability of each target, `[batch, sequence]`. No logits are built for it.
    case logProbs
    /// The unnormalized log-probabilities of every token, `[batch, sequence, vocabulary]`.
    case logits
    /// The entropy of the distribution at each position, in nats, `[batch, sequence]`.
    case entropy
    /// What the output head reads, `[batch, sequence, hidden]`.
    case hiddenStates
    /// The output head itself, `[vocabulary, hidden]`.
    case outputHead
}

/// What ``Trainer/forward(_:)`` reads, and which outputs it should return.
public struct ForwardInputs: Sendable, Equatable {
    /// What the model reads, `[batch, sequence]`.
    public var inputIDs: Tensor<Int32>
    /// The tokens whose log-probabilities are wanted, `[batch, sequence]`; needed for `logProbs`.
    public var targetIDs: Tensor<Int32>?
    /// 0 where no log-probability and no entropy is wanted, `[batch, sequence]`; nil means 1 everywhere. It does
    /// not touch logits and hidden states.
    public var targetMask: Tensor<Float>?
    /// The packed sequence that each position belongs to, as in ``TextTrainBatch/segmentIDs``.
    public var segmentIDs: Tensor<Int32>?
    /// What to compute. Nothing else is.
    public var outputs: Set<ModelOutput>

    /// By default every position counts, and each row is one sequence. At least one of `outputs` is needed, and `targetIDs` for
    /// `logProbs`. Nothing is checked here: ``validate(vocabularySize:)`` does that.
    public init(
        inputIDs: Tensor<Int32>, targetIDs: Tensor<Int32>? = nil, targetMask: Tensor<Float>? = nil,
        segmentIDs: Tensor<Int32>? = nil, outputs: Set<ModelOutput>
    ) {
        self.inputIDs = inputIDs
        self.targetIDs = targetIDs
        self.targetMask = targetMask
        self.segmentIDs = segmentIDs
        self.outputs = outputs
    }

    /// Asks for the log-probabilities of the targets of `batch`.
    public init(logProbsOf batch: TextTrainBatch) {
        self.init(
            inputIDs: batch.inputIDs, targetIDs: batch.targetIDs, targetMask: batch.targetMask,
            segmentIDs: batch.segmentIDs, outputs: [.logProbs])
    }

    /// Checks everything that does not need the model's weights. Engines call it first.
    /// - Throws: ``TrainerError`` with code `invalidShape`, `invalidBatch` or `tokenOutOfRange`.
    public func validate(vocabularySize: Int) throws {
        guard !outputs.isEmpty else {
            throw TrainerError(
                .invalidBatch, "forward was asked for no output",
                expected: "one or more of \(ModelOutput.allCases.map(\.rawValue))")
        }
        let checks = BatchChecks(shape: inputIDs.shape, vocabularySize: vocabularySize)
        try checks.checkInputs(inputIDs, segmentIDs: segmentIDs)
        try checks.checkMask(targetMask)
        if let targetIDs {
            try checks.checkTargets(targetIDs, mask: targetMask)
        } else if outputs.contains(.logProbs) {
            throw TrainerError(
                .invalidBatch, "forward was asked for logProbs without targetIDs",
                expected: "the targets whose log-probabilities are wanted")
        }
    }
}

/// What ``Trainer/forward(_:)`` returns: the outputs that were asked for, and nil for the others.
public struct ForwardOutputs: Sendable, Equatable {
    /// `[batch, sequence]`; 0 where the mask is 0.
    public var logProbs: Tensor<Float>?
    /// `[batch, sequence, vocabulary]`.
    public var logits: Tensor<Float>?
    /// `[batch, sequence]`; 0 where the mask is 0.
    public var entropy: Tensor<Float>?
    /// `[batch, sequence, hidden]`.
    public var hiddenStates: Tensor<Float>?
    /// `[vocabulary, hidden]`.
    public var outputHead: Tensor<Float>?

    /// What an engine answers with: each output that was asked for, and nothing for the others.
    public init(
        logProbs: Tensor<Float>? = nil, logits: Tensor<Float>? = nil, entropy: Tensor<Float>? = nil,
        hiddenStates: Tensor<Float>? = nil, outputHead: Tensor<Float>? = nil
    ) {
        self.logProbs = logProbs
        self.logits = logits
        self.entropy = entropy
        self.hiddenStates = hiddenStates
        self.outputHead = outputHead
    }
}
