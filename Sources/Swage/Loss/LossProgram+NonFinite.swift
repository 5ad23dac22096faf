extension LossProgram {
    /// Where the NaN or infinity in the sum or the denominator came from: the expression as one would write it, the value, and
    /// where it stands. Nil if both are finite.
    package func originOfNonFinite(in environment: Environment, checkpoint: @escaping () throws -> Void = {}) throws -> String? {
        var found: [Int: (value: Double, indices: [Int])] = [:]
        func look(_ node: Int, _ value: Tensor<Double>) {
            guard let place = value.scalars.firstIndex(where: { !$0.isFinite }) else { return }
            found[node] = (value.scalars[place], value.indices(of: place))
        }
        for (node, value) in environment.known { look(node, value) }
        _ = try evaluate([sum, denominator], in: environment, checkpoint: checkpoint, observe: look)
        guard var node = [sum, denominator].first(where: { found[$0] != nil }) else { return nil }
        // What another value hides, as select does, is not on this way.
        while let operand = nodes[node].operands.first(where: { found[$0] != nil }) { node = operand }
        let (value, indices) = found[node]!
        // What is known came from elsewhere, with all that it was made of: the operation is one of those within.
        let expression = environment.known[node] == nil ? describe(node) : "within \(describe(node, depth: 8)), something"
        return "\(expression) is \(value.isNaN ? .nan : value)" + (indices.isEmpty ? "" : " at \(indices)")
    }

    /// The expression that a node stands for, as one would write it, cut where it gets long.
    func describe(_ index: Int, depth: Int = 3) -> String {
        let node = nodes[index]
        if let value = node.attributes.value, node.operation == Node.constantLeaf { return "\(value)" }
        if node.isLeaf { return node.attributes.name ?? node.operation }
        if depth == 0 { return "…" }
        return "\(node.operation)(\(node.operands.map { describe($0, depth: depth - 1) }.joined(separator: ", ")))"
    }
}

extension Tensor {
    /// The index along each axis of the element at `place` in row-major order.
    func indices(of place: Int) -> [Int] {
        var (indices, rest) = ([Int](), place)
        for extent in shape.reversed() {
            indices.insert(rest % extent, at: 0)
            rest /= extent
        }
        return indices
    }
}
