/// The graph that grows while a loss is written, or differentiated. Equal nodes are kept once.
final class LossTrace {
    private(set) var program = LossProgram()
    /// The first thing that did not fit, if anything.
    private(set) var failure: String?
    private var indices: [LossProgram.Node: Int] = [:]
    /// The shape with which each tensor of the batch is read.
    private var fields: [String: LossShape] = [:]
    /// Whether sizes are limited: what comes from outside is, a derivative of it is not.
    private let isLimited: Bool

    init() { isLimited = true }

    /// A trace that goes on from a sound program.
    init(_ program: LossProgram) {
        isLimited = false
        self.program = program
        for (index, node) in program.nodes.enumerated() where indices[node] == nil { indices[node] = index }
        fields = program.fieldsRead
    }

    /// Appends a node, with the shape that its operands give it.
    /// - Throws: ``LossShapeError`` if they do not fit.
    func append(_ node: LossProgram.Node) throws -> Int {
        var node = node
        if !node.isLeaf {
            guard let operation = LossOperation.all[node.operation] else {
                throw LossShapeError("there is no operation \"\(node.operation)\"")
            }
            guard node.operands.count == operation.arity else {
                throw LossShapeError("\(node.operation) takes \(operation.arity) operands, not \(node.operands.count)")
            }
            node.shape = try operation.shape(node.operands.map { program.nodes[$0].shape }, node.attributes)
        } else if node.shape.isEmpty {
            node.shape = try Self.shapeOfLeaf(node)
        }
        if let index = indices[node] { return index }
        if let field = node.field {
            if let known = fields[field], known != node.shape {
                throw LossShapeError("\"\(field)\" is read with the shape \(known), and with the shape \(node.shape)")
            }
            fields[field] = node.shape
        }
        if isLimited { try checkLimits(node.shape) }
        program.nodes.append(node)
        indices[node] = program.nodes.count - 1
        return program.nodes.count - 1
    }

    /// Appends a node of a derivative, whose operands fit because those of the node that it comes from did.
    func extend(_ node: LossProgram.Node) -> Int {
        // A derivative's only leaves are constants and seeds, and limits are not asked of it. Were a table's derivative not to
        // fit its own shape rule, the tests of every operation and the fuzzer would end here.
        try! append(node)
    }

    /// Appends a finite number.
    func constant(_ value: Double) -> Int {
        extend(.init(operation: LossProgram.Node.constantLeaf, attributes: .init(value: value)))
    }

    private func checkLimits(_ shape: LossShape) throws {
        guard program.nodes.count < LossProgram.maximumNodeCount else {
            throw LossShapeError("there are more than \(LossProgram.maximumNodeCount) nodes")
        }
        guard shape.count <= LossProgram.maximumRank else {
            throw LossShapeError("\(shape) has more than \(LossProgram.maximumRank) axes")
        }
        let fixed = shape.reduce(1.0) { if case .fixed(let extent) = $1 { $0 * Double(extent) } else { $0 } }
        let isPossible = shape.allSatisfy { if case .fixed(let extent) = $0 { extent >= 1 } else { true } }
        guard isPossible, fixed <= Double(LossProgram.maximumExtent) else {
            throw LossShapeError("\(shape) has an impossible size")
        }
    }

    private static func shapeOfLeaf(_ node: LossProgram.Node) throws -> LossShape {
        switch node.operation {
        case LossProgram.Node.constantLeaf:
            guard node.attributes.value?.isFinite == true else { throw LossShapeError("a constant is not finite") }
            return []
        case LossProgram.Node.outputLeaf:
            guard let output = node.output else {
                throw LossShapeError("there is no model output \"\(node.attributes.name ?? "")\"")
            }
            return output.shape
        default:
            guard let shape = node.attributes.shape, let name = node.attributes.name, !name.isEmpty else {
                throw LossShapeError("a tensor of the batch has no name or no shape")
            }
            guard !LossBatch.ownFields.contains(name) || shape == .perToken else {
                throw LossShapeError("\(name) is \(LossShape.perToken), not \(shape)")
            }
            return shape
        }
    }

    /// Appends a node while a loss is written. What does not fit is noted with the expression, and 0 put in its place.
    func note(_ node: LossProgram.Node) -> Int {
        do {
            return try append(node)
        } catch {
            let reason = (error as? LossShapeError)?.reason ?? "\(error)"
            let operands = node.operands.map { "\(describe($0)) \(program.nodes[$0].shape)" }.joined(separator: ", ")
            failure = failure ?? "\(node.operation)(\(operands)): \(reason)"
            return (try? append(.init(operation: LossProgram.Node.constantLeaf, attributes: .init(value: 0)))) ?? 0
        }
    }

    /// Notes that something else is wrong with the loss.
    func fail(_ reason: String) { failure = failure ?? reason }

    /// The expression that a node stands for, as one would write it.
    func describe(_ index: Int) -> String { program.describe(index) }

    func finish(sum: Int, denominator: Int, metrics: [LossProgram.Metric]) -> LossProgram {
        program.sum = sum
        program.denominator = denominator
        program.metrics = metrics
        return program
    }
}

extension ModelOutput {
    /// The shape that a loss sees.
    var shape: LossShape {
        switch self {
        case .logProbs, .entropy: .perToken
        case .logits: [.batch, .sequence, .vocabulary]
        case .hiddenStates: [.batch, .sequence, .hidden]
        case .outputHead: [.vocabulary, .hidden]
        }
    }
}
