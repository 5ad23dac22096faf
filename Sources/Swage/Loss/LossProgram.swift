/// A loss as data: an expression graph that any engine can evaluate and differentiate.
///
/// Nodes stand in order of evaluation; an operand is the index of an earlier node. A value is either *per token*,
/// `[batch, sequence]`, or a scalar; scalars meet per-token values by repetition.
public struct LossProgram: Sendable, Equatable {
    /// A `[batch, sequence]` tensor that comes with the batch.
    public enum BatchField: Sendable, Hashable {
        case targetMask
        case targetWeights
        /// An entry of ``TextTrainBatch/lossInputs``.
        case lossInput(String)
    }

    public enum UnaryOperation: String, Sendable {
        case negate, exp, log
    }

    public enum BinaryOperation: String, Sendable {
        case add, subtract, multiply, divide, minimum, maximum
        /// 1 where the left is less than or equal to the right, else 0.
        case lessOrEqual
    }

    public enum Node: Sendable, Hashable {
        case output(ModelOutput)
        case field(BatchField)
        case constant(Double)
        case unary(UnaryOperation, Int)
        case binary(BinaryOperation, Int, Int)
        /// The sum of a per-token value over the whole batch.
        case sum(Int)
        /// A scalar, repeated for every token.
        case perToken(Int)
    }

    public struct Metric: Sendable, Equatable {
        public let name: String
        public let node: Int
    }

    public internal(set) var nodes: [Node] = []
    /// The scalar whose gradient is taken. Divided by the denominator, it is the loss.
    public internal(set) var sum = 0
    /// The scalar that normalises the sum. Gradients do not pass through it.
    public internal(set) var denominator = 0
    /// Scalars that are reported beside the loss.
    public internal(set) var metrics: [Metric] = []

    /// The model outputs that the program reads. An engine computes these and nothing else.
    public var outputsRead: Set<ModelOutput> { outputsRead(by: nodes.indices) }

    /// The batch fields that the program reads.
    public var fieldsRead: Set<BatchField> {
        Set(nodes.compactMap { if case .field(let field) = $0 { field } else { nil } })
    }

    func outputsRead(by indices: some Sequence<Int>) -> Set<ModelOutput> {
        Set(indices.compactMap { if case .output(let output) = nodes[$0] { output } else { nil } })
    }

    /// The node itself and everything that it depends on.
    func ancestors(of node: Int) -> Set<Int> {
        var found: Set<Int> = []
        var waiting = [node]
        while let next = waiting.popLast() {
            if found.insert(next).inserted { waiting += nodes[next].operands }
        }
        return found
    }
}

extension LossProgram.Node {
    var operands: [Int] {
        switch self {
        case .output, .field, .constant: []
        case .unary(_, let operand), .sum(let operand), .perToken(let operand): [operand]
        case .binary(_, let left, let right): [left, right]
        }
    }
}
