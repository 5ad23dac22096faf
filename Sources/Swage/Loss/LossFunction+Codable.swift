/// The serial form of a loss, version 1, in any format that `Codable` knows; in JSON:
///
/// ```json
/// {"format": "swage.loss", "version": 1, "name": "mean_log_prob",
///  "nodes": [{"op": "output", "name": "logProbs"},
///            {"op": "field", "name": "targetMask", "shape": ["batch", "sequence"]},
///            {"op": "multiply", "of": [0, 1]}, …],
///  "sum": 4, "denominator": 6, "metrics": [{"name": "tokens", "node": 6, "kind": "sum"}]}
/// ```
///
/// Operands are numbers of earlier nodes, so that there are no cycles. Shapes are inferred anew, and every count is
/// checked: what is decoded is as sound as what was traced.
extension LossFunction: Codable {
    private static let format = "swage.loss"
    private static let version = 1
    private static let maximumNameLength = 256
    /// Longer texts are refused where they come from outside: no program needs as many.
    package static let maximumByteCount = 16 << 20

    private enum CodingKeys: String, CodingKey {
        case format, version, name, nodes, sum, denominator, metrics
    }

    private struct SerialNode: Codable {
        var op: String
        var of: [Int]?
        var name: String?
        var value: Double?
        var axis: Int?
        var index: Int?
        var reverse: Bool?
        var shape: LossShape?

        enum CodingKeys: String, CodingKey {
            case op, of, name, value, axis, index, reverse, shape
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(refusingKeysOtherThan: CodingKeys.self)
            let op = try container.required(String.self, .op)
            let needs = LossOperation.needs(op)
            /// What the operation does not need is passed over, whatever it is.
            func needed<Value: Decodable>(_ type: Value.Type, _ key: CodingKeys) throws -> Value? {
                needs.contains(key.stringValue) ? try container.found(type, key) : nil
            }
            self.op = op
            of = try container.found([Int].self, .of)
            name = try needed(String.self, .name)
            value = try needed(Double.self, .value)
            axis = try needed(Int.self, .axis)
            index = try needed(Int.self, .index)
            reverse = try needed(Bool.self, .reverse)
            shape = try needed(LossShape.self, .shape)
        }

        init(_ node: LossProgram.Node) {
            let attributes = node.attributes
            op = node.operation
            of = node.operands.isEmpty ? nil : node.operands
            name = attributes.name
            value = attributes.value
            axis = attributes.axis
            index = attributes.index
            reverse = attributes.reverse
            shape = attributes.shape
        }

        var attributes: LossAttributes {
            LossAttributes(name: name, value: value, axis: axis, index: index, reverse: reverse, shape: shape)
        }
    }

    private struct SerialMetric: Codable {
        var name: String
        var node: Int
        /// Absent from programs that were written before metrics had kinds.
        var kind: LossProgram.Metric.Kind?
        var sum: Int?
        var over: Int?

        enum CodingKeys: String, CodingKey {
            case name, node, kind, sum, over
        }

        init(_ metric: LossProgram.Metric, saysKind: Bool) {
            (name, node) = (metric.name, metric.node)
            guard saysKind else { return }
            kind = metric.kind
            (sum, over) = metric.kind.isMean ? (metric.parts[0], metric.parts[1]) : (nil, nil)
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(refusingKeysOtherThan: CodingKeys.self)
            name = try container.required(String.self, .name)
            node = try container.required(Int.self, .node)
            kind = try container.found(LossProgram.Metric.Kind.self, .kind)
            guard kind?.isMean == true else { return }
            sum = try container.found(Int.self, .sum)
            over = try container.found(Int.self, .over)
        }
    }

    /// In an encoder's `userInfo`, true for a reader that refuses metrics with kinds, as those before them did.
    package static let leavesOutKindsOfMetrics = CodingUserInfoKey(rawValue: "swage.leavesOutKindsOfMetrics")!

    public func encode(to encoder: any Encoder) throws {
        if let failure { throw TrainerError(.invalidLoss, "the loss \"\(name)\" does not fit together: \(failure)") }
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Self.format, forKey: .format)
        try container.encode(Self.version, forKey: .version)
        try container.encode(name, forKey: .name)
        try container.encode(program.nodes.map(SerialNode.init), forKey: .nodes)
        try container.encode(program.sum, forKey: .sum)
        try container.encode(program.denominator, forKey: .denominator)
        let saysKinds = encoder.userInfo[Self.leavesOutKindsOfMetrics] as? Bool != true
        try container.encode(program.metrics.map { SerialMetric($0, saysKind: saysKinds) }, forKey: .metrics)
    }

    /// - Throws: ``TrainerError`` with code `invalidLoss` for a program that is not sound.
    public init(from decoder: any Decoder) throws {
        do {
            try self.init(soundIn: decoder)
        } catch let error as DecodingError {
            throw TrainerError(
                .invalidLoss, "the loss cannot be read: \(error.whereAndWhat)",
                expected: "its serial form, version \(Self.version)")
        }
    }

    private init(soundIn decoder: any Decoder) throws {
        let container = try decoder.container(refusingKeysOtherThan: CodingKeys.self)
        let name = try container.required(String.self, .name)
        func check(_ holds: Bool, _ what: @autoclosure () -> String, expected: @autoclosure () -> String) throws {
            guard holds else {
                throw TrainerError(.invalidLoss, "the loss \"\(name.prefix(64))\" \(what())", expected: expected())
            }
        }
        func checkName(_ text: String, _ what: String) throws {
            try check(
                !text.isEmpty && text.utf8.count <= Self.maximumNameLength, "has \(what) of \(text.utf8.count) bytes",
                expected: "1 to \(Self.maximumNameLength)")
            try check(
                !text.unicodeScalars.contains { $0.properties.generalCategory == .control }, "has \(what) with control characters",
                expected: "names of one line")
        }
        let format = try container.required(String.self, .format)
        let version = try container.required(Int.self, .version)
        try check(
            format == Self.format && version == Self.version, "has the form \"\(format)\", version \(version)",
            expected: "\"\(Self.format)\", version \(Self.version)")
        let nodes = try container.required([SerialNode].self, .nodes)
        let metrics = try container.required([SerialMetric].self, .metrics)
        try check(
            (1...LossProgram.maximumNodeCount).contains(nodes.count), "has \(nodes.count) nodes",
            expected: "1 to \(LossProgram.maximumNodeCount)")
        try check(metrics.count <= LossProgram.maximumNodeCount, "has \(metrics.count) metrics", expected: "fewer")
        // What such a metric is divided into is a node, as well.
        let unkinded = metrics.count { $0.kind == nil }
        try check(
            nodes.count + unkinded <= LossProgram.maximumNodeCount, "has \(nodes.count) nodes and \(unkinded) metrics without a kind",
            expected: "at most \(LossProgram.maximumNodeCount) together")
        try checkName(name, "a name")
        for (index, metric) in metrics.enumerated() { try checkName(metric.name, "a metric \(index) with a name") }
        for (index, node) in nodes.enumerated() { try node.name.map { try checkName($0, "a node \(index) with a name") } }
        try check(Set(metrics.map(\.name)).count == metrics.count, "has two metrics of one name", expected: "a name for each")

        let trace = LossTrace()
        var moved: [Int] = []
        var depths: [Int] = []
        for (index, node) in nodes.enumerated() {
            let operands = node.of ?? []
            try check(
                operands.allSatisfy { (0..<index).contains($0) }, "has node \(index) read the nodes \(operands)",
                expected: "earlier ones")
            depths.append(1 + (operands.map { depths[$0] }.max() ?? 0))
            try check(
                depths[index] <= LossProgram.maximumDepth, "is \(depths[index]) nodes deep at node \(index)",
                expected: "at most \(LossProgram.maximumDepth)")
            try check(
                node.op != LossProgram.Node.seedLeaf && operands.isEmpty == LossProgram.Node.leaves.contains(node.op),
                "has a node \(index) that is \"\(node.op)\"", expected: "an operation with operands, or a leaf")
            do {
                moved.append(
                    try trace.append(
                        .init(operation: node.op, operands: operands.map { moved[$0] }, attributes: node.attributes)))
            } catch let error as LossShapeError {
                try check(false, "does not fit together at node \(index), \(node.op): \(error.reason)", expected: "operands that fit")
            }
        }
        func scalar(_ index: Int, _ what: String) throws -> Int {
            try check(moved.indices.contains(index), "takes node \(index) for its \(what)", expected: "one of its nodes")
            let shape = trace.program.nodes[moved[index]].shape
            try check(shape.isEmpty, "takes a value of shape \(shape) for its \(what)", expected: "a scalar")
            return moved[index]
        }
        let denominator = try scalar(try container.required(Int.self, .denominator), "denominator")
        let reported = try metrics.map { metric in
            let node = try scalar(metric.node, "metric")
            var parts: [Int] = []
            if metric.kind == nil {
                // All that is known is the value: it weighs what the loss weighs.
                let whole = try trace.append(.init(operation: "multiply", operands: [node, denominator]))
                parts = [whole, denominator]
            } else if metric.kind!.isMean {
                try check(
                    metric.sum != nil && metric.over != nil, "has the metric \"\(metric.name)\", a mean without sum or over",
                    expected: "the numbers of both nodes")
                parts = [try scalar(metric.sum!, "metric's sum"), try scalar(metric.over!, "metric's denominator")]
            }
            return LossProgram.Metric(name: metric.name, kind: metric.kind ?? .mean, node: node, parts: parts)
        }
        let program = trace.finish(
            sum: try scalar(try container.required(Int.self, .sum), "sum"), denominator: denominator, metrics: reported)
        self.init(name: name, program: program)
    }
}
