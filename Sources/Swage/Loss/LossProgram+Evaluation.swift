extension LossProgram {
    /// What a program computes from.
    package struct Environment: Sendable {
        package let extents: LossExtents
        /// Tensors of the batch by name, complete but for those that nothing reads.
        package var fields: [String: Tensor<Double>] = [:]
        package var outputs: [ModelOutput: Tensor<Double>] = [:]
        package var segmentIDs: Tensor<Int32>?
        /// Values of nodes that are known already.
        package var known: [Int: Tensor<Double>] = [:]

        package init(extents: LossExtents) { self.extents = extents }

        /// The tensors of `batch` that `program` reads.
        package init(_ program: LossProgram, batch: TextTrainBatch, vocabulary: Int, hidden: Int) {
            let shape = batch.inputIDs.shape
            self.init(extents: .init(batch: shape[0], sequence: shape[1], vocabulary: vocabulary, hidden: hidden))
            segmentIDs = batch.segmentIDs
            let ones = Tensor(unchecked: [Double](repeating: 1, count: shape[0] * shape[1]), shape: shape)
            let mask = batch.targetMask.map(Self.double) ?? ones
            for name in program.fieldsRead.keys {
                switch name {
                case "targetMask": fields[name] = mask
                case "targetWeights": fields[name] = batch.targetWeights.map(Self.double) ?? ones
                case "targetIDs":
                    let ids = zip(batch.targetIDs.scalars, mask.scalars).map { $1 == 0 ? 0 : Double($0) }
                    fields[name] = Tensor(unchecked: ids, shape: shape)
                default: fields[name] = batch.lossInputs[name].map(Self.double)
                }
            }
        }

        private static func double(_ tensor: Tensor<Float>) -> Tensor<Double> {
            Tensor(unchecked: tensor.scalars.map(Double.init), shape: tensor.shape)
        }
    }

    /// The values of the nodes in `wanted`, in double precision, with nothing computed that they do not need.
    package func evaluate(_ wanted: [Int], in environment: Environment) -> [Tensor<Double>] {
        // Evaluation throws what its checkpoint throws and nothing else, and this one throws nothing.
        try! evaluate(wanted, in: environment, checkpoint: {})
    }

    /// The same.
    /// - Parameters:
    ///   - checkpoint: called between operations, and within long ones many times a second; what it throws ends
    ///     the evaluation.
    ///   - observe: told of each value as soon as it is there.
    package func evaluate(
        _ wanted: [Int], in environment: Environment, checkpoint: @escaping () throws -> Void,
        observe: (_ node: Int, Tensor<Double>) -> Void = { _, _ in }
    ) throws -> [Tensor<Double>] {
        var values = [Tensor<Double>?](repeating: nil, count: nodes.count)
        for (index, value) in environment.known { values[index] = value }
        let plan = EvaluationPlan(self, wanted, isKnown: { environment.known[$0] != nil })
        for (index, lastUsed) in plan.steps {
            let value = try value(of: nodes[index], in: environment, values, checkpoint)
            observe(index, value)
            values[index] = value
            for used in lastUsed { values[used] = nil }
        }
        return wanted.map { values[$0]! }
    }

    private func value(
        of node: Node, in environment: Environment, _ values: [Tensor<Double>?], _ checkpoint: @escaping () throws -> Void
    ) throws -> Tensor<Double> {
        if let output = node.output { return environment.outputs[output]! }
        if let field = node.field { return environment.fields[field]! }
        if node.operation == Node.constantLeaf { return Tensor(unchecked: [node.attributes.value!], shape: []) }
        let call = LossCall(
            attributes: node.attributes, shape: environment.extents.resolve(node.shape),
            segmentIDs: environment.segmentIDs, checkpoint: checkpoint)
        return try LossOperation.all[node.operation]!.evaluate(node.operands.map { values[$0]! }, call)
    }
}
