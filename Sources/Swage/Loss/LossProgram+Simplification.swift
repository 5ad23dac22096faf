extension LossProgram {
    /// The same program with hidden states times the output head replaced by the logits, which engines compute in
    /// chunks, and without the nodes that nothing needs.
    func simplified() -> LossProgram {
        let logits = Node(
            operation: Node.outputLeaf, attributes: .init(name: ModelOutput.logits.rawValue),
            shape: ModelOutput.logits.shape)
        var kept: [Node] = []
        var places: [Node: Int] = [:]
        var moved: [Int: Int] = [:]
        func place(_ node: Node) -> Int {
            if let index = places[node] { return index }
            kept.append(node)
            places[node] = kept.count - 1
            return kept.count - 1
        }
        let needed = neededNodes()
        for index in nodes.indices where needed.contains(index) {
            var node = nodes[index]
            if isOutputHeadProduct(node) {
                node = logits
            } else {
                node.operands = node.operands.map { moved[$0]! }
            }
            moved[index] = place(node)
        }
        var result = self
        result.nodes = kept
        result.sum = moved[sum]!
        result.denominator = moved[denominator]!
        result.metrics = metrics.map { Metric(name: $0.name, node: moved[$0.node]!) }
        return result
    }

    private func neededNodes() -> Set<Int> {
        var found: Set<Int> = []
        var waiting = [sum, denominator] + metrics.map(\.node)
        while let next = waiting.popLast() {
            guard found.insert(next).inserted, !isOutputHeadProduct(nodes[next]) else { continue }
            waiting += nodes[next].operands
        }
        return found
    }

    private func isOutputHeadProduct(_ node: Node) -> Bool {
        guard node.operation == "matmul", nodes[node.operands[0]].output == .hiddenStates else { return false }
        let matrix = nodes[node.operands[1]]
        return matrix.operation == "transpose" && nodes[matrix.operands[0]].output == .outputHead
    }
}
