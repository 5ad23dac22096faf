import Foundation
import Swage

/// A random program with random inputs, on which it is finite.
struct FuzzedLoss {
    private static let extents = LossExtents(batch: 2, sequence: 3, vocabulary: 5, hidden: 4)
    private let loss: LossFunction
    private let environment: LossProgram.Environment

    /// Nil if chance made a program whose values or gradients overflow.
    init?(_ random: inout SeededGenerator) {
        let environment = Self.inputs(&random)
        var source = random
        loss = LossFunction("fuzzed") { outputs, batch in
            var pool = [
                outputs.logProbs, outputs.entropy, outputs.logits, outputs.hiddenStates, outputs.outputHead,
                batch.targetMask, batch.targetWeights, batch["rows", [.batch]], batch["wide", [.batch, .sequence, .fixed(3)]],
                batch["matrix", [.hidden, .fixed(3)]], outputs.logProbs.sum(),
            ]
            for _ in 0..<source.number(below: 18) + 4 {
                if let next = Self.grow(pool, outputs, batch, &source) { pool.append(next) }
            }
            let summands = pool.suffix(3).map { tanh($0 / 8).sum() }
            return LossValue(sum: summands.dropFirst().reduce(summands[0], +), denominator: batch.targetMask.sum())
        }
        random = source
        self.environment = environment
        guard loss.failure == nil, loss.program.evaluate([loss.program.sum], in: environment)[0].scalars[0].isFinite,
            Self.gradients(loss, environment).values.allSatisfy({ $0.scalars.allSatisfy { $0.isFinite && abs($0) < 1e6 } })
        else { return nil }
    }

    private static func inputs(_ random: inout SeededGenerator) -> LossProgram.Environment {
        var environment = LossProgram.Environment(extents: extents)
        func tensor(_ shape: [Int], _ value: (inout SeededGenerator) -> Double) -> Tensor<Double> {
            Tensor(unchecked: (0..<shape.reduce(1, *)).map { _ in value(&random) }, shape: shape)
        }
        let shapes: [ModelOutput: [Int]] = [
            .logProbs: [2, 3], .entropy: [2, 3], .logits: [2, 3, 5], .hiddenStates: [2, 3, 4], .outputHead: [5, 4],
        ]
        for output in ModelOutput.allCases {
            environment.outputs[output] = tensor(shapes[output]!) { $0.fraction() * 4 - 2 }
        }
        environment.fields = [
            "targetMask": tensor([2, 3]) { $0.fraction() < 0.3 ? 0 : 1 },
            "targetWeights": tensor([2, 3]) { $0.fraction() * 2 - 1 }, "rows": tensor([2]) { $0.fraction() * 2 },
            "wide": tensor([2, 3, 3]) { $0.fraction() * 2 - 1 }, "matrix": tensor([4, 3]) { $0.fraction() - 0.5 },
            "ids": tensor([2, 3]) { Double($0.number(below: 5)) }, "few": tensor([2, 3, 2]) { Double($0.number(below: 3)) },
        ]
        environment.segmentIDs = Tensor(unchecked: [0, 0, 1, 3, 2, 2], shape: [2, 3])
        return environment
    }

    /// One more expression out of those that are there; nil if the operands drawn do not fit the operation drawn.
    private static func grow(
        _ pool: [LossExpression], _ outputs: LossOutputs, _ batch: LossBatch, _ random: inout SeededGenerator
    ) -> LossExpression? {
        func pick(_ random: inout SeededGenerator) -> LossExpression { pool[random.number(below: pool.count)] }
        let operations = LossOperation.all.values.sorted { $0.name < $1.name }
        let operation = operations[random.number(below: operations.count)]
        var operands = (0..<operation.arity).map { _ in pick(&random) }
        var attributes = LossAttributes(
            value: [2, 3, 0.5][random.number(below: 3)], axis: random.number(below: 3), index: random.number(below: 3),
            reverse: random.number(below: 2) == 0, shape: pick(&random).shape)
        switch operation.name {
        case "log", "sqrt", "power": operands[0] = softplus(operands[0]) + 0.3
        case "exp": operands[0] = tanh(operands[0]) * 2
        case "divide": operands[1] = softplus(operands[1]) + 0.5
        case "gather": operands = [outputs.logits * operands[0].sum() / 10, batch["ids"].insertingAxis(2)]
        case "scatter":
            operands = [batch["wide", [.batch, .sequence, .fixed(3)]].gather(batch["few", [.batch, .sequence, .fixed(2)]]), batch["few", [.batch, .sequence, .fixed(2)]]]
            attributes.shape = [.vocabulary]
        case "place": attributes.shape = [.fixed(3)]
        default: break
        }
        let shapes = operands.map(\.shape)
        guard (try? operation.resultShape(shapes, attributes)) != nil else { return nil }
        return operands[0].using(operation.name, Array(operands.dropFirst()), attributes)
    }

    private static func gradients(
        _ loss: LossFunction, _ environment: LossProgram.Environment
    ) -> [ModelOutput: Tensor<Double>] {
        loss.program.outputGradients(in: environment)
    }

    func line() throws -> String {
        let encoder = JSONEncoder()
        var object: [String: Any] = [
            "program": try JSONSerialization.jsonObject(with: encoder.encode(loss)),
            "segmentIDs": environment.segmentIDs!.scalars.map { Int($0) },
            "sum": loss.program.evaluate([loss.program.sum], in: environment)[0].scalars[0],
        ]
        object["outputs"] = Dictionary(uniqueKeysWithValues: environment.outputs.map { ($0.rawValue, Self.json($1)) })
        object["fields"] = environment.fields.mapValues(Self.json)
        object["gradients"] = Dictionary(
            uniqueKeysWithValues: Self.gradients(loss, environment).map { ($0.rawValue, $1.scalars) })
        return String(decoding: try JSONSerialization.data(withJSONObject: object), as: UTF8.self)
    }

    private static func json(_ tensor: Tensor<Double>) -> [String: Any] { ["shape": tensor.shape, "values": tensor.scalars] }
}

extension SeededGenerator {
    mutating func number(below limit: Int) -> Int { Int.random(in: 0..<limit, using: &self) }
    mutating func fraction() -> Double { Double.random(in: 0..<1, using: &self) }
}
