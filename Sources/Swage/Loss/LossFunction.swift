/// A loss, written once in Swift and run on every engine.
///
/// The closure is run once, on symbols; what remains is a ``LossProgram``. The program says which outputs of the
/// model it reads, and an engine computes those and nothing else.
///
/// ```swift
/// let weighted = LossFunction("weighted") { outputs, batch in
///     .mean(of: -outputs.logProbs * batch.targetWeights, over: batch.targetMask)
/// }
/// ```
///
/// A loss states its sum and its denominator apart. An engine adds both up over microbatches and divides once, at
/// the optimizer step, so that microbatches of unequal size weigh what they should.
///
/// What does not fit (shapes that do not meet, a sum that is no scalar) is noted when the loss is made, and thrown
/// when it is first used.
public struct LossFunction: Sendable, Hashable {
    /// What errors and logs call the loss.
    public let name: String
    /// What remains of the closure.
    public let program: LossProgram
    /// What is wrong with the loss, if anything.
    public let failure: String?

    /// Runs `body`, once and at once, and keeps the program that it writes down. What does not fit is noted in ``failure``.
    /// - Parameters:
    ///   - name: what errors and logs call the loss, and what an engine knows it by that learns from some losses alone
    ///     (``Capabilities/losses``). To travel to another process it must have 1 to 256 bytes without control characters.
    ///   - fileID: the file in which the loss is written, for ``failure``.
    ///   - line: the line there.
    ///   - body: makes the loss of the model's outputs and the tensors of the batch, both of them symbols without numbers.
    public init(
        _ name: String, fileID: String = #fileID, line: Int = #line, _ body: (LossOutputs, LossBatch) -> LossValue
    ) {
        self.name = name
        let trace = LossTrace()
        let value = body(LossOutputs(trace: trace), LossBatch(trace: trace))
        for (what, expression) in [("sum", value.sum), ("denominator", value.denominator)]
            + value.metrics.flatMap({ metric in ([metric.value] + metric.parts).map { ("metric \"\(metric.name)\"", $0) } })
        {
            if expression.trace !== trace { trace.fail("the \(what) is an expression of another loss") }
            if !expression.shape.isEmpty {
                trace.fail("the \(what), \(expression.trace.describe(expression.node)), has the shape \(expression.shape), not that of a scalar")
            }
        }
        let names = value.metrics.map(\.name)
        if let name = names.first(where: { name in names.count { $0 == name } > 1 }) { trace.fail("two metrics are called \"\(name)\"") }
        failure = trace.failure.map { "\($0) (\(fileID):\(line))" }
        let program = trace.finish(
            sum: value.sum.node, denominator: value.denominator.node,
            metrics: value.metrics.map {
                LossProgram.Metric(name: $0.name, kind: $0.kind, node: $0.value.node, parts: $0.parts.map(\.node))
            })
        self.program = failure == nil ? program.simplified() : program
    }

    /// Whether the loss reads one of the batch's tensors: `targetMask`, `targetWeights`, `targetIDs`, or one of its
    /// `lossInputs`. An option that only changes another has no effect on it.
    public func reads(_ field: String) -> Bool { program.fieldsRead.keys.contains(field) }

    /// A loss that came as data.
    package init(name: String, program: LossProgram) {
        self.name = name
        self.program = program
        failure = nil
    }

    /// Checks that the loss is sound, that the batch has every tensor that it reads, and the engine every output.
    /// - Parameters:
    ///   - batch: what the loss is to be computed on. Its shapes are looked at, and not its numbers.
    ///   - engineOutputs: the outputs of the model that the engine gives to losses.
    ///   - vocabularySize: the number of token ids; nil if it is not known.
    ///   - hiddenSize: the number of channels of a hidden state; nil if it is not known.
    /// - Throws: ``TrainerError`` with code `invalidLoss` and the loss's name.
    public func validate(
        batch: TextTrainBatch, engineOutputs: Set<ModelOutput>, vocabularySize: Int? = nil, hiddenSize: Int? = nil
    ) throws {
        func fail(_ what: String, expected: String? = nil) -> TrainerError {
            TrainerError(.invalidLoss, "the loss \"\(name)\" \(what)", expected: expected)
        }
        if let failure { throw fail("does not fit together: \(failure)") }
        if let missing = program.outputsRead.subtracting(engineOutputs).map(\.rawValue).sorted().first {
            throw fail(
                "reads \(missing), which this engine does not give to losses",
                expected: "a loss that reads \(engineOutputs.map(\.rawValue).sorted().joined(separator: ", "))")
        }
        for (field, shape) in program.fieldsRead.sorted(by: { $0.key < $1.key }) where !LossBatch.ownFields.contains(field) {
            guard let tensor = batch.lossInputs[field] else {
                throw fail(
                    "reads lossInputs[\"\(field)\"], which the batch does not have",
                    expected: "it among the batch's lossInputs \(batch.lossInputs.keys.sorted())")
            }
            let unknown = -1
            let expected = LossExtents(
                batch: batch.inputIDs.shape[0], sequence: batch.inputIDs.shape[1],
                vocabulary: vocabularySize ?? unknown, hidden: hiddenSize ?? unknown
            ).resolve(shape)
            let fits =
                expected.count == tensor.shape.count
                && zip(expected, tensor.shape).allSatisfy { $0 == unknown || $0 == $1 }
            guard fits else {
                throw fail(
                    "reads lossInputs[\"\(field)\"], which has the shape \(tensor.shape)",
                    expected: "\(shape), which is \(expected) here")
            }
        }
        let extents = LossExtents(
            batch: batch.inputIDs.shape[0], sequence: batch.inputIDs.shape[1], vocabulary: vocabularySize ?? 1,
            hidden: hiddenSize ?? 1)
        for shape in Set(program.nodes.map(\.shape)) {
            guard elementCount(extents.resolve(shape)) ?? .max <= LossProgram.maximumElementCount else {
                throw fail(
                    "has a value of shape \(shape), which is \(extents.resolve(shape)) here",
                    expected: "at most \(LossProgram.maximumElementCount) elements")
            }
        }
        if program.nodes.contains(where: { $0.shape.contains(.pairs) }), batch.inputIDs.shape[0] % 2 != 0 {
            throw fail(
                "reads the batch in pairs, and the batch has \(batch.inputIDs.shape[0]) rows", expected: "an even number")
        }
    }
}

/// The model outputs that a loss can read.
///
/// Positions where the mask is 0 are not computed, and read as 0.
public struct LossOutputs {
    let trace: LossTrace

    /// The log-probability of each target, `[batch, sequence]`. Reading it builds no logits.
    public var logProbs: LossExpression { output(.logProbs) }
    /// The entropy of the distribution at each position, in nats, `[batch, sequence]`. Reading it builds no logits.
    public var entropy: LossExpression { output(.entropy) }
    /// The unnormalized log-probabilities, `[batch, sequence, vocabulary]`. As long as the loss works position by
    /// position, only a chunk of positions exists at a time.
    public var logits: LossExpression { output(.logits) }
    /// What the output head reads: the last layer's output, normalized, `[batch, sequence, hidden]`.
    public var hiddenStates: LossExpression { output(.hiddenStates) }
    /// The output head's matrix, `[vocabulary, hidden]`. `hiddenStates.matmul(outputHead.transposed)` is recognized
    /// as the logits, and the targets' elements of normalized logits as `logProbs`.
    public var outputHead: LossExpression { output(.outputHead) }

    /// The logits of chosen tokens: `ids` is `[batch, sequence]`, or `[batch, sequence, k]`.
    public func logits(at ids: LossExpression) -> LossExpression { logits.gather(ids) }

    /// The log-probabilities of chosen tokens: `ids` is `[batch, sequence]`, or `[batch, sequence, k]`.
    public func logProbs(of ids: LossExpression) -> LossExpression {
        logits.logSoftmax(axis: -1).gather(ids)
    }

    private func output(_ output: ModelOutput) -> LossExpression {
        LossExpression(
            trace: trace,
            node: trace.note(
                .init(operation: LossProgram.Node.outputLeaf, attributes: .init(name: output.rawValue))))
    }
}

/// The tensors of the batch that a loss can read.
public struct LossBatch {
    let trace: LossTrace

    /// The names of the batch's own tensors. The others are its `lossInputs`.
    static let ownFields: Set<String> = ["targetMask", "targetWeights", "targetIDs"]

    /// `[batch, sequence]`
    public var targetMask: LossExpression { self["targetMask"] }
    /// `[batch, sequence]`
    public var targetWeights: LossExpression { self["targetWeights"] }
    /// `[batch, sequence]`; 0 where the mask is 0.
    public var targetIDs: LossExpression { self["targetIDs"] }

    /// An entry of the batch's `lossInputs`, `[batch, sequence]`.
    public subscript(name: String) -> LossExpression { self[name, .perToken] }

    /// An entry of the batch's `lossInputs`, of any shape.
    public subscript(name: String, shape: LossShape) -> LossExpression {
        LossExpression(
            trace: trace,
            node: trace.note(
                .init(operation: LossProgram.Node.fieldLeaf, attributes: .init(name: name, shape: shape))))
    }
}
