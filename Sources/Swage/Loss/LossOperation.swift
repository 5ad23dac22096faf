/// One kind of node in a loss program: everything there is to know about it, in one place.
///
/// A new operation is one entry in one of the tables under `Operations/`, and a line in the interpreter for torch.
package struct LossOperation: Sendable {
    /// The name in the serial form.
    package let name: String
    /// The number of its operands, 1 to 3; attributes are not counted.
    package let arity: Int
    /// What it means in torch, with {0}, {1} for the operands and {axis}, {value}, … for the attributes.
    package let torch: String
    /// Whether an element of the result depends on elements at other places of the first two axes.
    let mixesPositions: @Sendable (LossAttributes) -> Bool
    let shape: @Sendable (_ operands: [LossShape], _ attributes: LossAttributes) throws -> LossShape
    let evaluate: @Sendable (_ operands: [Tensor<Double>], _ call: LossCall) throws -> Tensor<Double>
    /// What each operand gets of the node's gradient; nil for nothing.
    let derivative: @Sendable (_ adjoint: LossAdjoint) -> [Int?]

    init(
        _ name: String, arity: Int, torch: String, mixesPositions: @escaping @Sendable (LossAttributes) -> Bool = { _ in false },
        shape: @escaping @Sendable ([LossShape], LossAttributes) throws -> LossShape,
        evaluate: @escaping @Sendable ([Tensor<Double>], LossCall) throws -> Tensor<Double>,
        derivative: @escaping @Sendable (LossAdjoint) -> [Int?]
    ) {
        self.name = name
        self.arity = arity
        self.torch = torch
        self.mixesPositions = mixesPositions
        self.shape = shape
        self.evaluate = evaluate
        self.derivative = derivative
    }

    /// The result's shape.
    /// - Throws: if the operands do not fit.
    package func resultShape(_ operands: [LossShape], _ attributes: LossAttributes) throws -> LossShape {
        try shape(operands, attributes)
    }

    /// Every operation, by name.
    package static let all: [String: LossOperation] = Dictionary(
        uniqueKeysWithValues: (elementwise + comparisons + reductions + shaping + indexing + products + segments)
            .map { ($0.name, $0) })
}

/// What an operation is evaluated with, beside its operands.
struct LossCall {
    let attributes: LossAttributes
    /// The result's extents.
    let shape: [Int]
    /// The sequence that each position belongs to, `[batch, sequence]`; nil for one sequence a row.
    let segmentIDs: Tensor<Int32>?
    /// Called between pieces of work; throws where the call was cancelled.
    let checkpoint: () throws -> Void
}

/// A node in the act of handing its gradient on, with the means to write down new nodes.
struct LossAdjoint {
    let trace: LossTrace
    /// The node itself.
    let node: Int
    /// The node that holds its gradient.
    let gradient: Int

    var operands: [Int] { trace.program.nodes[node].operands }
    var attributes: LossAttributes { trace.program.nodes[node].attributes }

    func shape(_ node: Int) -> LossShape { trace.program.nodes[node].shape }

    /// Appends a node whose operands are known to fit.
    func make(_ operation: String, _ operands: Int..., attributes: LossAttributes = .init()) -> Int {
        trace.extend(.init(operation: operation, operands: operands, attributes: attributes))
    }

    func constant(_ value: Double) -> Int { trace.constant(value) }

    /// A gradient in the shape of an operand that was repeated to meet another.
    func reduced(_ gradient: Int, to operand: Int) -> Int {
        shape(gradient) == shape(operand) ? gradient : make("sumTo", gradient, attributes: .init(shape: shape(operand)))
    }

    func expanded(_ gradient: Int, to operand: Int) -> Int {
        make("broadcastTo", gradient, attributes: .init(shape: shape(operand)))
    }
}
