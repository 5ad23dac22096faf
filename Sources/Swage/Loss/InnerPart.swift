/// The nodes that work on logits position by position.
struct InnerPart {
    var logits: Int?
    var nodes: Set<Int> = []
    var frontier: [Int] = []
    var inputs: [Int] = []

    init(_ program: LossProgram) {
        guard let logits = program.node(of: .logits) else { return }
        self.logits = logits
        let dependent = program.descendants(of: logits)
        nodes = [logits]
        for index in program.nodes.indices where dependent.contains(index) && index != logits {
            if Self.isLocal(index, in: program, dependent, nodes) { nodes.insert(index) }
        }
        let outside = program.nodes.indices.filter { !nodes.contains($0) }
        let readOutside = Set(outside.flatMap { program.nodes[$0].operands } + program.roots)
        frontier = nodes.filter(readOutside.contains).sorted()
        let inputsRead = Set(nodes.flatMap { program.nodes[$0].operands }).subtracting(nodes)
        inputs = inputsRead.sorted()
        let dependsOnOutputs = program.ancestors(of: inputs).contains { program.nodes[$0].output != nil }
        if dependsOnOutputs || frontier.contains(where: { program.nodes[$0].shape.contains(.vocabulary) }) {
            // All logits are needed at once; they are an output like any other.
            (nodes, frontier, inputs) = ([], [], [])
        }
    }

    /// Whether a node's value at a position is made of its operands' values at that position, and of what has no positions.
    private static func isLocal(
        _ index: Int, in program: LossProgram, _ dependent: Set<Int>, _ nodes: Set<Int>
    ) -> Bool {
        let node = program.nodes[index]
        guard isPerPosition(node.shape), let operation = LossOperation.all[node.operation],
            !operation.mixesPositions(node.attributes)
        else { return false }
        let picks = ["gather", "scatter"].contains(node.operation)
        // What is picked along the last axis is picked among positions where that is the sequence.
        guard !picks || node.shape.count > LossShape.perToken.count else { return false }
        let changesRank = picks || ["insertAxis", "removeAxis", "take", "place"].contains(node.operation)
        return node.operands.allSatisfy { operand in
            let shape = program.nodes[operand].shape
            let isSliceable =
                isPerPosition(shape) && (shape.count == node.shape.count || changesRank)
                || !shape.contains(where: \.isOfBatch)
            return isSliceable && (nodes.contains(operand) || !dependent.contains(operand))
        }
    }

    /// Whether a value has something of its own at each position, and nowhere else a batch or a sequence, whose extents are
    /// those of a few positions while the part is evaluated.
    private static func isPerPosition(_ shape: LossShape) -> Bool {
        shape.starts(with: LossShape.perToken) && !shape.dropFirst(2).contains(where: \.isOfBatch)
    }
}

extension LossAxis {
    /// Whether the axis is as long as a batch has rows, pairs or positions.
    fileprivate var isOfBatch: Bool { [.batch, .sequence, .pairs].contains(self) }
}

extension LossProgram {
    /// Whether each node's value is known to be 0 wherever the mask is 0, as long as what it is made of is finite.
    func nodesThatAreMasked() -> [Bool] {
        var isMasked: [Bool] = []
        for node in nodes {
            let changesRank = ["insertAxis", "removeAxis"].contains(node.operation) && node.attributes.axis ?? 0 >= 2
            let operands = node.operands.map { operand in
                isMasked[operand] && (changesRank || nodes[operand].shape.count == node.shape.count)
            }
            isMasked.append(node.shape.starts(with: LossShape.perToken) && Self.isMasked(node, operands))
        }
        return isMasked
    }

    private static func isMasked(_ node: Node, _ operands: [Bool]) -> Bool {
        switch node.operation {
        case Node.fieldLeaf: node.field == "targetMask"
        // Logits read as 0 there, but so may anything that is made of them: they count for nothing here.
        case Node.outputLeaf: node.output == .logProbs || node.output == .entropy
        case "multiply", "and": operands.contains(true)
        case "divide": operands[0]
        case "add", "subtract", "minimum", "maximum", "negate", "abs", "sign", "relu", "sqrt", "tanh", "stopGradient",
            "insertAxis", "removeAxis":
            operands.allSatisfy { $0 }
        case "sum", "max", "min": operands[0] && node.attributes.axis ?? 0 >= 2
        case "select": operands[0] && operands[2] || operands[1] && operands[2]
        default: false
        }
    }
}
