import Foundation
import Swage

/// docs/loss-vectors.jsonl: loss programs with inputs, values and gradients, for whoever evaluates them in another language.
enum LossVectors {
    private static let extents = LossExtents(batch: 4, sequence: 3, vocabulary: 5, hidden: 2)

    static var lines: String { (operations + edges + stock).map { $0.line + "\n" }.joined() }

    struct Case {
        let loss: LossFunction
        let environment: LossProgram.Environment

        init(_ loss: LossFunction, changing change: (inout LossProgram.Environment) -> Void = { _ in }) {
            precondition(loss.failure == nil, "\(loss.name): \(loss.failure ?? "")")
            self.loss = loss
            var environment = LossVectors.inputs(loss.program)
            change(&environment)
            self.environment = environment
        }

        var line: String {
            let program = loss.program
            let roots = [program.sum, program.denominator] + program.metrics.map(\.node)
            let values = program.evaluate(roots, in: environment).map { $0.scalars[0] }
            var object: [String: Any] = [
                "program": try! JSONSerialization.jsonObject(with: JSONEncoder().encode(loss)),
                "axes": ["batch": 4, "pairs": 2, "sequence": 3, "vocabulary": 5, "hidden": 2],
                "segmentIDs": environment.segmentIDs!.scalars.map { Int($0) },
                "sum": number(values[0]), "denominator": number(values[1]),
                "metrics": Dictionary(uniqueKeysWithValues: zip(program.metrics.map(\.name), values.dropFirst(2).map(number))),
            ]
            object["outputs"] = Dictionary(uniqueKeysWithValues: environment.outputs.map { ($0.rawValue, tensor($1)) })
            object["fields"] = environment.fields.mapValues(tensor)
            let gradients = values[0].isFinite ? program.outputGradients(in: environment) : [:]
            object["gradients"] = Dictionary(
                uniqueKeysWithValues: gradients.map { ($0.rawValue, $1.scalars.map(number)) })
            let data = try! JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
            return String(decoding: data, as: UTF8.self)
        }

        private func tensor(_ tensor: Tensor<Double>) -> [String: Any] {
            ["shape": tensor.shape, "values": tensor.scalars.map(number)]
        }

        private func number(_ value: Double) -> Any {
            value.isFinite ? value : value.isNaN ? "NaN" : value > 0 ? "Infinity" : "-Infinity"
        }
    }

    /// The outputs and fields that a program reads: random, rounded so that equal elements and zeros are among them.
    private static func inputs(_ program: LossProgram) -> LossProgram.Environment {
        var random = SeededGenerator(seed: 7)
        func tensor(_ shape: [Int], in range: ClosedRange<Double>, steps: Double) -> Tensor<Double> {
            Tensor(unchecked: (0..<shape.reduce(1, *)).map { _ in
                (Double.random(in: range, using: &random) * steps).rounded() / steps
            }, shape: shape)
        }
        var environment = LossProgram.Environment(extents: extents)
        environment.segmentIDs = Tensor(unchecked: [0, 0, 1, 3, 2, 2, 5, 5, 5, 1, 2, 3], shape: [4, 3])
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
                default: tensor(shape, in: -1...1, steps: 8)
                }
        }
        return environment
    }

    /// Each operation on operands for which it is smooth, or tied, and finite.
    private static var operations: [Case] {
        LossOperation.all.values.sorted { $0.name < $1.name }.map { operation in
            Case(LossFunction(operation.name) { outputs, batch in
                let result = apply(operation, outputs, batch)
                return LossValue(
                    sum: (result * batch["weights", result.shape]).sum(), denominator: batch.targetMask.sum() + 1)
            })
        }
    }

    private static func apply(_ operation: LossOperation, _ outputs: LossOutputs, _ batch: LossBatch) -> LossExpression {
        let (x, scores) = (outputs.logits, outputs.logProbs)
        func make(_ operands: LossExpression..., attributes: LossAttributes = .init()) -> LossExpression {
            operands[0].using(operation.name, Array(operands.dropFirst()), attributes)
        }
        switch operation.name {
        case "log", "sqrt": return make(exp(x))
        case "power": return make(exp(x), attributes: .init(value: 1.5))
        case "divide": return make(x, exp(scores).insertingAxis(2))
        case "select": return make(x .> 0, x, scores.insertingAxis(2))
        case "broadcastTo": return make(scores.insertingAxis(2), attributes: .init(shape: x.shape))
        case "sumTo": return make(x, attributes: .init(shape: [.fixed(1), .sequence, .fixed(1)]))
        case "insertAxis": return make(x, attributes: .init(axis: 1))
        case "removeAxis": return make(x.sum(axis: 1, keepingAxis: true), attributes: .init(axis: 1))
        case "joinPairs": return make(x.using("splitPairs", [], .init()))
        case "segmentSum": return make(scores)
        case "segmentCumulativeSum": return make(scores, attributes: .init(reverse: true))
        case "gather": return make(x, batch["ids", [.batch, .sequence, .fixed(3)]])
        case "scatter":
            let ids = batch["ids", [.batch, .sequence, .fixed(3)]]
            return make(x.gather(ids), ids, attributes: .init(shape: [.vocabulary]))
        case "take": return make(x.gather(batch["ids", [.batch, .sequence, .fixed(3)]]), attributes: .init(axis: 2, index: 1))
        case "place": return make(x, attributes: .init(axis: 3, index: 1, shape: [.fixed(2)]))
        case "matmul": return make(outputs.hiddenStates, outputs.outputHead.transposed)
        case "outer": return make(outputs.hiddenStates, x)
        case "cumulativeSum": return make(x, attributes: .init(axis: 2, reverse: true))
        case "transpose", "splitPairs": return make(x)
        default:
            if operation.arity == 2 { return make(x, scores.insertingAxis(2)) }
            return make(x, attributes: .init(axis: 2))
        }
    }

    /// What is neither finite nor smooth.
    private static var edges: [Case] {
        func edge(_ name: String, _ body: @escaping (LossOutputs, LossBatch) -> LossExpression) -> LossFunction {
            LossFunction(name) { LossValue(sum: body($0, $1).sum(), denominator: $1.targetMask.sum() + 1) }
        }
        let nothing = edge("log of 0") { outputs, _ in log(outputs.entropy * 0) }
        let outside = edge("gather by an id that is no index") { outputs, batch in outputs.logits.gather(batch["ids"].insertingAxis(2)) }
        let hidden = edge("maximum of NaN and a number") { outputs, _ in maximum(log(outputs.entropy - 9), 0) }
        let overflow = edge("exp overflows") { outputs, _ in exp(outputs.entropy * 9000 + 9000) }
        let large = edge("logSumExp of large numbers") { outputs, _ in (outputs.logits * 1e6).logSumExp(axis: 2) }
        let softened = edge("softplus of large numbers") { outputs, _ in softplus(outputs.logProbs * 1e6) }
        let tied = edge("max of equal elements") { outputs, _ in (outputs.logits * 0).max(axis: 2) }
        let root = edge("abs and relu at 0") { outputs, _ in abs(outputs.logProbs * 0) + relu(outputs.entropy * 0) }
        return [nothing, hidden, overflow, large, softened, tied, root].map { Case($0) }
            + [Case(outside) { $0.fields["ids"] = Tensor(unchecked: [0, 1, 2, 3, 4, 5, -1, 1.5, 0, 0, 0, 0], shape: [4, 3]) }]
    }

    private static var stock: [Case] { LossSerializationTests.stock.filter { !$0.program.nodes.contains { $0.shape.contains(.fixed(8)) } }.map { Case($0) } }
}
