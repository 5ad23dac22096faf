import Foundation
import Swage
import Testing
import TestSupport

/// Every operation's derivative against central differences in double precision, on random shapes.
@Suite struct OperationTests {
    /// One way to use an operation: the operands' shapes, the attributes, and whether operands must be positive.
    struct Usage: CustomStringConvertible {
        var operation: String
        var shapes: [LossShape]
        var attributes = LossAttributes()
        var positive = false
        /// Operands that are numbers of elements, or conditions, and have no gradient.
        var discrete: Set<Int> = []

        var description: String { "\(operation) \(shapes)" }
    }

    private static let token: LossShape = [.batch, .sequence]
    private static let vector: LossShape = [.batch, .sequence, .fixed(4)]

    static let usages: [Usage] = {
        var usages: [Usage] = []
        for name in ["negate", "exp", "tanh", "sigmoid", "softplus", "relu", "abs", "sign", "stopGradient", "not"] {
            usages.append(Usage(operation: name, shapes: [vector]))
        }
        for name in ["log", "sqrt"] { usages.append(Usage(operation: name, shapes: [vector], positive: true)) }
        usages.append(Usage(operation: "power", shapes: [vector], attributes: .init(value: 2.5), positive: true))
        for name in [
            "add", "subtract", "multiply", "divide", "minimum", "maximum", "less", "lessOrEqual", "greater",
            "greaterOrEqual", "equal", "notEqual", "and", "or",
        ] {
            for shapes in [[token, token], [vector, []], [[], vector], [vector, [.fixed(4)]], [[.batch, .sequence, .fixed(1)], vector]] {
                usages.append(Usage(operation: name, shapes: shapes, positive: name == "divide"))
            }
        }
        usages.append(Usage(operation: "select", shapes: [token, token, []], discrete: [0]))
        usages.append(Usage(operation: "select", shapes: [[], vector, [.fixed(4)]], discrete: [0]))
        for name in ["sum", "max", "min", "logSumExp", "softmax", "logSoftmax", "cumulativeSum", "size"] {
            for axis in 0...2 { usages.append(Usage(operation: name, shapes: [vector], attributes: .init(axis: axis))) }
        }
        usages.append(
            Usage(operation: "cumulativeSum", shapes: [token], attributes: .init(axis: 1, reverse: true)))
        usages.append(Usage(operation: "broadcastTo", shapes: [[.sequence]], attributes: .init(shape: token)))
        usages.append(Usage(operation: "sumTo", shapes: [vector], attributes: .init(shape: [.batch, .fixed(1), .fixed(4)])))
        usages.append(Usage(operation: "insertAxis", shapes: [token], attributes: .init(axis: 1)))
        usages.append(Usage(operation: "removeAxis", shapes: [[.batch, .fixed(1)]], attributes: .init(axis: 1)))
        usages.append(Usage(operation: "transpose", shapes: [vector]))
        usages.append(Usage(operation: "splitPairs", shapes: [token]))
        usages.append(Usage(operation: "joinPairs", shapes: [[.pairs, .fixed(2), .sequence]]))
        usages.append(Usage(operation: "gather", shapes: [vector, [.batch, .sequence, .fixed(2)]], discrete: [1]))
        usages.append(
            Usage(
                operation: "scatter", shapes: [[.batch, .sequence, .fixed(2)], [.batch, .sequence, .fixed(2)]],
                attributes: .init(shape: [.fixed(4)]), discrete: [1]))
        usages.append(Usage(operation: "take", shapes: [vector], attributes: .init(axis: 2, index: 3)))
        usages.append(
            Usage(operation: "place", shapes: [token], attributes: .init(axis: 1, index: 2, shape: [.fixed(3)])))
        usages.append(Usage(operation: "matmul", shapes: [vector, [.fixed(4), .hidden]]))
        usages.append(Usage(operation: "outer", shapes: [vector, [.batch, .sequence, .hidden]]))
        usages.append(Usage(operation: "matmul", shapes: [[.fixed(4)], [.fixed(4), .hidden]]))
        usages.append(Usage(operation: "outer", shapes: [[.fixed(4)], [.hidden]]))
        usages.append(Usage(operation: "segmentSum", shapes: [token]))
        usages.append(Usage(operation: "segmentCumulativeSum", shapes: [token]))
        usages.append(Usage(operation: "segmentCumulativeSum", shapes: [token], attributes: .init(reverse: true)))
        return usages
    }()

    @Test func everyOperationHasAUsageHereAndAMeaningInTorch() {
        #expect(Set(Self.usages.map(\.operation)) == Set(LossOperation.all.keys))
        for operation in LossOperation.all.values {
            #expect((0..<operation.arity).allSatisfy { operation.torch.contains("{\($0)}") }, "\(operation.name)")
        }
    }

    @Test(arguments: usages.indices)
    func theDerivativeEqualsFiniteDifferences(_ index: Int) throws {
        let usage = Self.usages[index]
        var generator = SeededGenerator(seed: UInt64(index) + 1)
        // A loss with the operation in it: the sum of its result times random weights.
        let loss = LossFunction(usage.operation) { outputs, batch in
            let operands = usage.shapes.enumerated().map { batch["x\($0)", $1.isEmpty ? [.fixed(1)] : $1] }
                .enumerated().map { usage.shapes[$0].isEmpty ? $1.take(0, axis: 0) : $1 }
            let result = operands[0].using(usage.operation, Array(operands.dropFirst()), usage.attributes)
            let weights = batch["w", result.shape.isEmpty ? [.fixed(1)] : result.shape]
            let total = ((result.shape.isEmpty ? result.insertingAxis(0) : result) * weights).sum()
            return LossValue(sum: total, denominator: batch.targetMask.sum())
        }
        #expect(loss.failure == nil)
        func extent(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &generator) }
        let extents = LossExtents(batch: 2 * extent(1...2), sequence: extent(1...4), vocabulary: 5, hidden: extent(1...3))
        var environment = LossProgram.Environment(extents: extents)
        environment.segmentIDs = try Tensor(
            (0..<extents.batch * extents.sequence).map { Int32($0 % extents.sequence / extent(1...2)) },
            shape: [extents.batch, extents.sequence])
        for (name, shape) in loss.program.fieldsRead {
            let isDiscrete = usage.discrete.contains { name == "x\($0)" }
            environment.fields[name] = generator.tensor(
                extents.resolve(shape), positive: usage.positive, discrete: isDiscrete)
        }
        environment.fields["targetMask"] = Tensor(repeating: 1, shape: [extents.batch, extents.sequence])
        for operand in usage.shapes.indices where !usage.discrete.contains(operand) {
            try check(loss, operand: "x\(operand)", environment, usage)
        }
    }

    private func check(
        _ loss: LossFunction, operand: String, _ environment: LossProgram.Environment, _ usage: Usage
    ) throws {
        let leaf = try #require(loss.program.nodes.firstIndex { $0.attributes.name == operand })
        let (gradientProgram, node) = loss.program.gradient(ofLeaf: leaf)
        let gradient = gradientProgram.evaluate([node], in: environment)[0]
        let x = try #require(environment.fields[operand])
        #expect(gradient.shape == x.shape, "\(usage)")
        for place in x.scalars.indices {
            func sum(_ shift: Double) -> Double {
                var moved = environment
                var scalars = x.scalars
                scalars[place] += shift
                moved.fields[operand] = Tensor(unchecked: scalars, shape: x.shape)
                return loss.program.evaluate([loss.program.sum], in: moved)[0].scalars[0]
            }
            // Gradients do not pass what is stopped on purpose.
            let numeric = usage.operation == "stopGradient" ? 0 : (sum(1e-5) - sum(-1e-5)) / 2e-5
            #expect(
                abs(gradient.scalars[place] - numeric) < 1e-6 * max(1, abs(numeric)),
                "\(usage), \(operand)[\(place)]: \(gradient.scalars[place]), not \(numeric)")
        }
    }
}

extension SeededGenerator {
    mutating func tensor(_ shape: [Int], positive: Bool, discrete: Bool) -> Tensor<Double> {
        let count = shape.reduce(1, *)
        let values = (0..<count).map { _ in
            discrete ? (fraction() * 3).rounded(.down) : positive ? 0.5 + fraction() : fraction() * 4 - 2
        }
        return Tensor(unchecked: values, shape: shape)
    }
}
