/// A loss as data: an expression graph that any engine can evaluate and differentiate.
///
/// Nodes stand in order of evaluation; an operand is the index of an earlier node. What a node means is told by the
/// `LossOperation` of its name.
public struct LossProgram: Sendable, Hashable {
    /// More nodes than this are refused.
    public static let maximumNodeCount = 4096
    /// Longer chains of nodes than this are refused.
    public static let maximumDepth = 1024
    /// More axes than this are refused.
    public static let maximumRank = 8
    /// Values of more elements than this, with the batch and the model at hand, are refused.
    public static let maximumElementCount = 1 << 31
    /// Longer fixed axes than this are refused, and more elements in all fixed axes of a value.
    public static let maximumExtent = 1 << 20

    /// One value of a program: a leaf, or an operation on the values of earlier nodes.
    package struct Node: Sendable, Hashable {
        /// The name of a `LossOperation`, or one of the leaves `output`, `field`, `constant`.
        package let operation: String
        /// The indices of the nodes that it reads, in the operation's order, all of them earlier ones; empty for a leaf. One may be
        /// read twice.
        package var operands: [Int] = []
        /// What the operation needs beside its operands; of a leaf, its name, value or shape.
        package var attributes = LossAttributes()
        /// Inferred from the operands; never read from outside.
        package internal(set) var shape: LossShape = []
    }

    /// A scalar that the loss reports, and what it takes to say it of several microbatches. No gradient passes through it.
    package struct Metric: Sendable, Hashable {
        /// How a metric is said of several microbatches; see ``Swage/Metric``.
        package enum Kind: String, Sendable, CaseIterable, Codable {
            /// The values of `node` are added: a count, a sum.
            case sum
            /// The largest value of `node` is taken.
            case maximum
            /// `node` is a quotient; its two `parts` are added up apart.
            case mean
            /// `node` is e to the power of a quotient, as a perplexity is; its two `parts` are added up apart.
            case exponentialMean

            /// Whether it is told by a sum and what that is divided by.
            var isMean: Bool { self == .mean || self == .exponentialMean }
        }

        /// Its key in ``ForwardBackwardResult/metrics``; no other metric of the program has it.
        package let name: String
        /// How several microbatches are told of together.
        package let kind: Kind
        /// The scalar itself.
        package let node: Int
        /// Of a mean, the nodes of its sum and of what that is divided by; otherwise empty.
        package let parts: [Int]
    }

    /// All values in order of evaluation, at most ``maximumNodeCount``. Operands, `sum`, `denominator` and metrics are
    /// indices into it.
    package internal(set) var nodes: [Node] = []
    /// The scalar whose gradient is taken. Divided by the denominator, it is the loss.
    package internal(set) var sum = 0
    /// The scalar that normalizes the sum. Gradients do not pass through it.
    package internal(set) var denominator = 0
    /// Scalars that are reported beside the loss.
    package internal(set) var metrics: [Metric] = []

    /// The model outputs that the program reads. An engine computes these and nothing else.
    public var outputsRead: Set<ModelOutput> { Set(nodes.compactMap(\.output)) }

    /// The names of the batch's tensors that the program reads, with the shapes that they must have.
    public var fieldsRead: [String: LossShape] {
        Dictionary(nodes.compactMap { node in node.field.map { ($0, node.shape) } }, uniquingKeysWith: { first, _ in first })
    }

    package func node(of output: ModelOutput) -> Int? { nodes.firstIndex { $0.output == output } }

    /// The scalars that an engine evaluates: the sum, the denominator, and what the metrics are told by.
    package var roots: [Int] { [sum, denominator] + metrics.flatMap { $0.kind.isMean ? $0.parts : [$0.node] } }

    /// What the values of ``roots`` say.
    package func result(of values: [Double]) -> ForwardBackwardResult {
        var rest = values.dropFirst(2)
        var reported: [String: Swage.Metric] = [:]
        for metric in metrics {
            let first = rest.removeFirst()
            reported[metric.name] =
                switch metric.kind {
                case .sum: .sum(first)
                case .maximum: .maximum(first)
                case .mean: .mean(sum: first, over: rest.removeFirst())
                case .exponentialMean: .exponentialMean(sum: first, over: rest.removeFirst())
                }
        }
        return ForwardBackwardResult(sum: values[0], denominator: values[1], metrics: reported)
    }

    /// The nodes that something in `roots` depends on, the roots included. `stops` are not looked behind.
    package func ancestors(of roots: some Sequence<Int>, stoppingAt stops: Set<Int> = []) -> Set<Int> {
        var found: Set<Int> = []
        var waiting = Array(roots)
        while let next = waiting.popLast() {
            if found.insert(next).inserted, !stops.contains(next) { waiting += nodes[next].operands }
        }
        return found
    }

    /// The nodes that depend on `node`, itself included.
    package func descendants(of node: Int) -> Set<Int> {
        nodes.indices.reduce(into: [node]) { found, index in
            if nodes[index].operands.contains(where: found.contains) { found.insert(index) }
        }
    }
}

/// What an operation is told beside its operands.
package struct LossAttributes: Sendable, Hashable, Codable {
    /// A leaf's name.
    package var name: String?
    /// The number of a `constant`, or the exponent of `power`; finite.
    package var value: Double?
    /// The axis that an operation works along, inserts or removes, counted from 0, never from behind.
    package var axis: Int?
    /// Which element of the axis `take` takes, and where on it `place` puts its operand; counted from 0.
    package var index: Int?
    /// Whether `cumulativeSum` and `segmentCumulativeSum` add up from each element to the end; nil means false.
    package var reverse: Bool?
    /// The shape of a `field`, or of what `broadcastTo` and `sumTo` give. Of `scatter` and `place` only its first axis is read: the
    /// last one of what `scatter` gives, and the new one of what `place` gives.
    package var shape: LossShape?

    /// What is left out is nil. An operation without an attribute that it needs does not fit, and one that it does not need is
    /// passed over; docs/LossPrograms.md says which needs what.
    package init(
        name: String? = nil, value: Double? = nil, axis: Int? = nil, index: Int? = nil, reverse: Bool? = nil,
        shape: LossShape? = nil
    ) {
        self.name = name
        self.value = value
        self.axis = axis
        self.index = index
        self.reverse = reverse
        self.shape = shape
    }
}

extension LossProgram.Node {
    /// The leaf that stands for one of the model's outputs.
    static let outputLeaf = "output"
    /// The leaf that stands for a tensor of the batch.
    static let fieldLeaf = "field"
    static let constantLeaf = "constant"
    /// The leaf through which an engine hands in the gradient of a node. It never leaves the process.
    static let seedLeaf = "seed"

    package var output: ModelOutput? {
        operation == Self.outputLeaf ? attributes.name.flatMap(ModelOutput.init(rawValue:)) : nil
    }

    package var field: String? { operation == Self.fieldLeaf ? attributes.name : nil }

    static let leaves: Set<String> = [outputLeaf, fieldLeaf, constantLeaf, seedLeaf]

    var isLeaf: Bool { Self.leaves.contains(operation) }
}
