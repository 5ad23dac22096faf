import Foundation
import Swage

/// A loss program with inputs, and what comes of it: a line of docs/loss-vectors.jsonl.
struct LossVector {
    static let extents = LossExtents(batch: 4, sequence: 3, vocabulary: 5, hidden: 7)
    static let axes = ["batch": 4, "pairs": 2, "sequence": 3, "vocabulary": 5, "hidden": 7]

    let loss: LossFunction
    private let environment: LossProgram.Environment
    /// Fields that the program reads and the batch does not have.
    private let absent: Set<String>

    init(
        _ loss: LossFunction, absent: Set<String> = [], changing change: (inout LossProgram.Environment) -> Void = { _ in }
    ) {
        precondition(loss.failure == nil, "\(loss.name): \(loss.failure ?? "")")
        self.loss = loss
        self.absent = absent
        var environment = Self.inputs(loss.program)
        for field in absent { environment.fields[field] = Tensor(repeating: 1, shape: [4, 3]) }
        change(&environment)
        self.environment = environment
    }

    /// The weighted sum of a value's elements, over the number of rows.
    init(
        _ name: String, changing change: (inout LossProgram.Environment) -> Void = { _ in },
        _ body: (LossOutputs, LossBatch) -> LossExpression
    ) {
        let loss = LossFunction(name) { outputs, batch in
            let value = body(outputs, batch)
            return LossValue(
                sum: (value * batch["weights", value.shape]).sum(), denominator: outputs.logProbs.size(axis: 0))
        }
        self.init(loss, changing: change)
    }

    var line: String {
        let program = loss.program
        let values = program.evaluate([program.sum, program.denominator] + program.metrics.map(\.node), in: environment)
            .map { $0.scalars[0] }
        let (sum, denominator) = (values[0], values[1])
        let isRefused = !(sum / denominator).isFinite || !(denominator > 0) || !denominator.isFinite
        let gradients = isRefused ? [:] : program.outputGradients(in: environment)
        var object: [String: Any] = [
            "program": try! JSONSerialization.jsonObject(with: JSONEncoder().encode(loss)), "axes": Self.axes,
            "sum": number(sum), "denominator": number(denominator), "segmentIDs": NSNull(),
        ]
        if isRefused { object["refused"] = "nonFinite" }
        if let ids = environment.segmentIDs, program.nodes.contains(where: { $0.operation.hasPrefix("segment") }) {
            object["segmentIDs"] = ids.scalars.map { Int($0) }
        }
        object["metrics"] = Dictionary(uniqueKeysWithValues: zip(program.metrics.map(\.name), values.dropFirst(2).map(number)))
        object["outputs"] = Dictionary(uniqueKeysWithValues: environment.outputs.map { ($0.rawValue, tensor($1)) })
        object["fields"] = environment.fields.filter { !absent.contains($0.key) }.mapValues(tensor)
        object["gradients"] = Dictionary(uniqueKeysWithValues: gradients.map { ($0.rawValue, $1.scalars.map(number)) })
        return Self.json(object)
    }

    static func json(_ object: [String: Any]) -> String {
        let data = try! JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
        return String(decoding: data, as: UTF8.self)
    }

    private func tensor(_ tensor: Tensor<Double>) -> [String: Any] {
        ["shape": tensor.shape, "values": tensor.scalars.map(number)]
    }

    /// Ten digits are more than anybody compares.
    private func number(_ value: Double) -> Any {
        guard value.isFinite else { return value.isNaN ? "NaN" : value > 0 ? "Infinity" : "-Infinity" }
        return Double(String(format: "%.10g", value))!
    }

    /// The outputs and fields that a program reads: random, rounded so that equal elements and zeros are among them.
    private static func inputs(_ program: LossProgram) -> LossProgram.Environment {
        var random = SeededGenerator(seed: 7)
        func tensor(_ shape: [Int], in range: ClosedRange<Double>, steps: Double) -> Tensor<Double> {
            Tensor(
                unchecked: (0..<shape.reduce(1, *)).map { _ in
                    (Double.random(in: range, using: &random) * steps).rounded() / steps
                }, shape: shape)
        }
        var environment = LossProgram.Environment(extents: extents)
        environment.segmentIDs = Tensor(unchecked: [0, 0, 1, 3, 2, 2, 2, 2, 2, 1, 2, 1], shape: [4, 3])
        for output in program.outputsRead.sorted(by: { $0.rawValue < $1.rawValue }) {
            environment.outputs[output] = tensor(
                extents.resolve(program.nodes[program.node(of: output)!].shape), in: output == .entropy ? 0...2 : -2...2, steps: 2)
        }
        for (name, shape) in program.fieldsRead.sorted(by: { $0.key < $1.key }) {
            let shape = extents.resolve(shape)
            environment.fields[name] =
                switch name {
                case "targetMask": tensor(shape, in: 0...1, steps: 1)
                case "targetIDs", "ids": tensor(shape, in: 0...4, steps: 1)
                case "weights": weights(shape)
                default: tensor(shape, in: -1...1, steps: 8)
                }
        }
        return environment
    }

    /// Numbers above 0 without a pattern, so that an element in a wrong place changes a weighted sum.
    private static func weights(_ shape: [Int]) -> Tensor<Double> {
        let count: Int = shape.reduce(1, *)
        let numbers: [Double] = (0..<count).map { (index: Int) -> Double in Double((index * index * index) % 11 + 1) / 4 }
        return Tensor(unchecked: numbers, shape: shape)
    }
}
