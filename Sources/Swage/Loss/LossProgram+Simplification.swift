extension LossProgram {
    /// The same program with values that engines compute better by themselves replaced by outputs, and without the
    /// nodes that nothing needs.
    func simplified() -> LossProgram {
        var kept: [Node] = []
        var places: [Node: Int] = [:]
        var moved: [Int: Int] = [:]
        let needed = neededNodes()
        for index in nodes.indices where needed.contains(index) {
            var node = nodes[index]
            if let output = recognizedOutput(index) {
                node = Node(
                    operation: Node.outputLeaf, attributes: .init(name: output.rawValue), shape: output.shape)
            } else {
                node.operands = node.operands.map { moved[$0]! }
            }
            if places[node] == nil {
                kept.append(node)
                places[node] = kept.count - 1
            }
            moved[index] = places[node]
        }
        var result = self
        result.nodes = kept
        result.sum = moved[sum]!
        result.denominator = moved[denominator]!
        result.metrics = metrics.map { metric in
            Metric(name: metric.name, kind: metric.kind, node: moved[metric.node]!, parts: metric.parts.map { moved[$0]! })
        }
        return result
    }

    private func neededNodes() -> Set<Int> {
        var found: Set<Int> = []
        var waiting = roots + metrics.map(\.node)
        while let next = waiting.popLast() {
            guard found.insert(next).inserted, recognizedOutput(next) == nil else { continue }
            waiting += nodes[next].operands
        }
        return found
    }

    /// The output that a node computes the long way.
    private func recognizedOutput(_ index: Int) -> ModelOutput? {
        if isOutputHeadProduct(index) { return .logits }
        return isTargetLogProb(index) ? .logProbs : nil
    }

    /// Hidden states times the output head.
    private func isOutputHeadProduct(_ index: Int) -> Bool {
        guard let (states, matrix) = operands(of: index, "matmul"), let head = operand(of: matrix, "transpose") else {
            return false
        }
        return nodes[states].output == .hiddenStates && nodes[head].output == .outputHead
    }

    /// The logit of the target without the normalizer, or the target's element of the normalized logits.
    private func isTargetLogProb(_ index: Int) -> Bool {
        if let (picked, total) = operands(of: index, "subtract") {
            guard let logits = valuesAtTargets(picked), isLogits(logits), let sum = operand(of: total, "removeAxis"),
                let summed = operand(of: sum, "logSumExp")
            else { return false }
            return isLogits(summed) && nodes[sum].attributes.axis == 2
        }
        guard let normalized = valuesAtTargets(index), let logits = operand(of: normalized, "logSoftmax") else {
            return false
        }
        return isLogits(logits) && nodes[normalized].attributes.axis == 2
    }

    private func isLogits(_ index: Int) -> Bool { nodes[index].output == .logits || isOutputHeadProduct(index) }

    /// What a node picks the targets' elements from.
    private func valuesAtTargets(_ index: Int) -> Int? {
        guard let gathered = operand(of: index, "removeAxis"), let (values, ids) = operands(of: gathered, "gather"),
            let targets = operand(of: ids, "insertAxis"), nodes[targets].field == "targetIDs",
            nodes[ids].attributes.axis == 2, nodes[index].attributes.axis == 2
        else { return nil }
        return values
    }

    private func operand(of index: Int, _ operation: String) -> Int? {
        nodes[index].operation == operation ? nodes[index].operands[0] : nil
    }

    private func operands(of index: Int, _ operation: String) -> (Int, Int)? {
        nodes[index].operation == operation ? (nodes[index].operands[0], nodes[index].operands[1]) : nil
    }
}
