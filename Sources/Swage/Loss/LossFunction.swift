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
public struct LossFunction: Sendable, Equatable {
    /// What errors and logs call the loss.
    public let name: String
    /// What remains of the closure.
    public let program: LossProgram

    public init(_ name: String, _ body: (LossOutputs, LossBatch) -> LossValue) {
        self.name = name
        let trace = LossTrace()
        let value = body(LossOutputs(trace: trace), LossBatch(trace: trace))
        program = trace.finish(
            sum: value.sum.node, denominator: value.denominator.node,
            metrics: value.metrics.map { LossProgram.Metric(name: $0.name, node: $0.value.node) })
    }

    /// Checks that the batch has every tensor that the loss reads, and the engine every output.
    /// - Throws: ``TrainerError`` with code `invalidLoss` and the loss's name.
    public func validate(batch: TextTrainBatch, engineOutputs: Set<ModelOutput>) throws {
        if let missing = program.outputsRead.subtracting(engineOutputs).map(\.rawValue).sorted().first {
            throw TrainerError(
                .invalidLoss, "the loss \"\(name)\" reads \(missing), which this engine does not give to losses",
                expected: "a loss that reads \(engineOutputs.map(\.rawValue).sorted().joined(separator: ", "))")
        }
        for case .lossInput(let input) in program.fieldsRead where batch.lossInputs[input] == nil {
            let given = batch.lossInputs.keys.sorted()
            throw TrainerError(
                .invalidLoss, "the loss \"\(name)\" reads lossInputs[\"\(input)\"], which the batch does not have",
                expected: "it among the batch's lossInputs \(given)")
        }
    }
}

/// The model outputs that a loss can read.
public struct LossOutputs {
    let trace: LossTrace

    /// The log-probability of each target, `[batch, sequence]`. Reading it builds no logits.
    /// Where the mask is 0 it is not computed, and reads as 0.
    public var logProbs: LossExpression { LossExpression(trace: trace, node: trace.append(.output(.logProbs))) }
}

/// The tensors of the batch that a loss can read, `[batch, sequence]` each.
public struct LossBatch {
    let trace: LossTrace

    public var targetMask: LossExpression { field(.targetMask) }
    public var targetWeights: LossExpression { field(.targetWeights) }
    /// An entry of the batch's `lossInputs`.
    public subscript(name: String) -> LossExpression { field(.lossInput(name)) }

    private func field(_ field: LossProgram.BatchField) -> LossExpression {
        LossExpression(trace: trace, node: trace.append(.field(field)))
    }
}

/// What a loss's closure returns: a sum, a denominator, and what to report.
public struct LossValue {
    let sum: LossExpression
    let denominator: LossExpression
    var metrics: [(name: String, value: LossExpression)] = []

    /// The loss `sum / denominator`, both of them scalars.
    public init(sum: LossExpression, denominator: LossExpression) {
        precondition(!sum.trace.isPerToken(sum.node), "a loss's sum is still per token; call sum() on it")
        precondition(
            !denominator.trace.isPerToken(denominator.node), "a loss's denominator is still per token; call sum() on it")
        self.sum = sum
        self.denominator = denominator
    }

    /// The mean of `values`, each counted as often as `weights` says.
    public static func mean(of values: LossExpression, over weights: LossExpression) -> LossValue {
        LossValue(sum: (values * weights).sum(), denominator: weights.sum())
    }

    /// Also reports a scalar under `name`.
    public func reporting(_ name: String, _ value: LossExpression) -> LossValue {
        precondition(!value.trace.isPerToken(value.node), "the metric \"\(name)\" is still per token; call sum() on it")
        var copy = self
        copy.metrics.append((name, value))
        return copy
    }
}
