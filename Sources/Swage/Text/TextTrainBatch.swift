/// One microbatch of token sequences to train on.
///
/// Targets are already shifted: position t of `targetIDs` is what position t of `inputIDs` should predict.
/// Padding is what the mask says is 0 at the end of a row.
public struct TextTrainBatch: Sendable, Equatable {
    /// What the model reads, `[batch, sequence]`.
    public var inputIDs: Tensor<Int32>
    /// What each position should predict, `[batch, sequence]`. Where the mask is 0 any value will do.
    public var targetIDs: Tensor<Int32>
    /// 1 where the target counts and 0 where it does not, `[batch, sequence]`; nil means 1 everywhere.
    public var targetMask: Tensor<Float>?
    /// A weight for each target, `[batch, sequence]`: advantages, importance weights; nil means 1 everywhere.
    public var targetWeights: Tensor<Float>?
    /// The sequence each position belongs to, `[batch, sequence]`, where rows are packed. A sequence is a run of
    /// equal ids; sequences of one row never see each other. Nil means one sequence a row.
    public var segmentIDs: Tensor<Int32>?
    /// Further tensors that the loss reads by name, most often `[batch, sequence]`; the loss says of which shape.
    public var lossInputs: [String: Tensor<Float>]

    /// By default every target counts, with a weight of 1, each row is one sequence, and there is nothing more for the loss to read.
    /// Nothing is checked here: ``validate(vocabularySize:)`` does that.
    public init(
        inputIDs: Tensor<Int32>, targetIDs: Tensor<Int32>, targetMask: Tensor<Float>? = nil,
        targetWeights: Tensor<Float>? = nil, segmentIDs: Tensor<Int32>? = nil,
        lossInputs: [String: Tensor<Float>] = [:]
    ) {
        self.inputIDs = inputIDs
        self.targetIDs = targetIDs
        self.targetMask = targetMask
        self.targetWeights = targetWeights
        self.segmentIDs = segmentIDs
        self.lossInputs = lossInputs
    }

    /// How many targets count.
    public var targetCount: Int {
        targetMask?.scalars.reduce(0) { $0 + ($1 != 0 ? 1 : 0) } ?? targetIDs.scalars.count
    }
}

extension TextTrainBatch {
    /// Checks everything about the batch that does not need the model's weights. Engines call it first.
    /// - Throws: ``TrainerError`` with code `invalidShape`, `invalidBatch` or `tokenOutOfRange`.
    public func validate(vocabularySize: Int) throws {
        let checks = BatchChecks(shape: inputIDs.shape, vocabularySize: vocabularySize)
        try checks.checkInputs(inputIDs, segmentIDs: segmentIDs)
        try checks.checkTargets(targetIDs, mask: targetMask)
        guard targetCount > 0 else {
            throw TrainerError(
                .invalidBatch, "targetMask is 0 everywhere, so the batch has nothing to learn from",
                expected: "at least one 1")
        }
        if let targetWeights { try checks.checkFinite(targetWeights, "targetWeights") }
        for (name, tensor) in lossInputs.sorted(by: { $0.key < $1.key }) {
            guard let odd = tensor.scalars.firstIndex(where: { !$0.isFinite }) else { continue }
            let place = tensor.shape.isEmpty ? "" : "\(tensor.indices(of: odd))"
            throw TrainerError(
                .invalidBatch, "lossInputs[\"\(name)\"]\(place) is \(tensor.scalars[odd])", expected: "a finite number")
        }
    }
}

/// The checks that training batches and forward inputs share.
struct BatchChecks {
    let shape: [Int]
    let vocabularySize: Int

    func checkInputs(_ inputIDs: Tensor<Int32>, segmentIDs: Tensor<Int32>?) throws {
        guard shape.count == 2, shape[0] > 0, shape[1] > 0 else {
            throw TrainerError(
                .invalidShape, "inputIDs has shape \(shape)", expected: "[batch, sequence], neither of them 0")
        }
        try checkTokens(inputIDs, "inputIDs") { _ in true }
        guard let segmentIDs else { return }
        try checkShape(segmentIDs, "segmentIDs")
        for row in 0..<shape[0] { try checkSegmentsAreRuns(segmentIDs, row: row) }
    }

    func checkMask(_ mask: Tensor<Float>?) throws {
        guard let mask else { return }
        try checkShape(mask, "targetMask")
        if let odd = mask.scalars.firstIndex(where: { $0 != 0 && $0 != 1 }) {
            throw TrainerError(
                .invalidBatch, "targetMask\(position(odd)) is \(mask.scalars[odd])", expected: "0 or 1")
        }
    }

    func checkTargets(_ targetIDs: Tensor<Int32>, mask: Tensor<Float>?) throws {
        try checkShape(targetIDs, "targetIDs")
        try checkMask(mask)
        try checkTokens(targetIDs, "targetIDs") { mask?.scalars[$0] != 0 }
    }

    func checkFinite(_ tensor: Tensor<Float>, _ name: String) throws {
        try checkShape(tensor, name)
        if let odd = tensor.scalars.firstIndex(where: { !$0.isFinite }) {
            throw TrainerError(
                .invalidBatch, "\(name)\(position(odd)) is \(tensor.scalars[odd])", expected: "a finite number")
        }
    }

    private func checkShape<Scalar>(_ tensor: Tensor<Scalar>, _ name: String) throws {
        guard tensor.shape == shape else {
            throw TrainerError(
                .invalidShape, "\(name) has shape \(tensor.shape)", expected: "\(shape), the shape of inputIDs")
        }
    }

    private func checkTokens(_ ids: Tensor<Int32>, _ name: String, where counts: (Int) -> Bool) throws {
        let odd = ids.scalars.indices.first { index in
            let id = ids.scalars[index]
            return (id < 0 || Int(id) >= vocabularySize) && counts(index)
        }
        guard let odd else { return }
        throw TrainerError(
            .tokenOutOfRange, "\(name)\(position(odd)) is \(ids.scalars[odd])",
            expected: "a token id in 0..<\(vocabularySize)")
    }

    private func checkSegmentsAreRuns(_ segmentIDs: Tensor<Int32>, row: Int) throws {
        var seen: Set<Int32> = []
        var previous: Int32?
        for column in 0..<shape[1] {
            let id = segmentIDs.scalars[row * shape[1] + column]
            guard id != previous else { continue }
            guard seen.insert(id).inserted else {
                throw TrainerError(
                    .invalidBatch, "segmentIDs[\(row), \(column)] takes up segment \(id) again",
                    expected: "each segment in one unbroken run")
            }
            previous = id
        }
    }

    private func position(_ offset: Int) -> String { "[\(offset / shape[1]), \(offset % shape[1])]" }
}
