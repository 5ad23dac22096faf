import Swage

/// docs/loss-vectors.jsonl: loss programs with inputs, values and gradients, for whoever evaluates them in another language.
enum LossVectors {
    static var lines: String {
        let vectors = (operations + edges + results + stock).map(\.line)
        return (vectors + refused.map(\.line)).map { $0 + "\n" }.joined()
    }

    /// Each operation on operands for which it is finite, along another axis than the last where it has one.
    private static var operations: [LossVector] {
        LossOperation.all.values.sorted { $0.name < $1.name }.map { operation in
            LossVector(operation.name) { apply(operation, $0, $1) }
        }
    }

    private static func apply(_ operation: LossOperation, _ outputs: LossOutputs, _ batch: LossBatch) -> LossExpression {
        let (x, y, logits, states) = (outputs.logProbs, outputs.entropy, outputs.logits, outputs.hiddenStates)
        func make(_ operands: LossExpression..., attributes: LossAttributes = .init()) -> LossExpression {
            operands[0].using(operation.name, Array(operands.dropFirst()), attributes)
        }
        switch operation.name {
        case "log", "sqrt": return make(exp(x))
        case "power": return make(exp(x), attributes: .init(value: 1.5))
        case "divide": return make(states, exp(x).insertingAxis(2))
        case "multiply": return make(states, x.insertingAxis(2))
        case "subtract": return make(x, x.sum(axis: 0))
        case "select": return make(x .> 0, y, x.sum(axis: 1, keepingAxis: true))
        case "sum", "max", "min", "logSumExp", "softmax", "logSoftmax", "size": return make(x, attributes: .init(axis: 0))
        case "cumulativeSum": return make(x, attributes: .init(axis: 0, reverse: true))
        case "segmentCumulativeSum": return make(x, attributes: .init(reverse: true))
        case "broadcastTo": return make(x.insertingAxis(2), attributes: .init(shape: states.shape))
        case "sumTo": return make(states, attributes: .init(shape: [.fixed(1), .sequence, .fixed(1)]))
        case "insertAxis": return make(x, attributes: .init(axis: 1))
        case "removeAxis": return make(x.sum(axis: 0, keepingAxis: true), attributes: .init(axis: 0))
        case "transpose": return make(states)
        case "joinPairs": return make(x.using("splitPairs", []))
        case "gather": return make(logits, batch["ids", [.batch, .sequence, .fixed(3)]])
        case "scatter":
            let ids = batch["ids", [.batch, .sequence, .fixed(3)]]
            return make(logits.gather(ids), ids, attributes: .init(shape: [.vocabulary]))
        case "take": return make(x.using("splitPairs", []), attributes: .init(axis: 1, index: 1))
        case "place": return make(x, attributes: .init(axis: 1, index: 1, shape: [.fixed(3)]))
        // Without the tanh it is the logits, which are read instead.
        case "matmul": return make(states, tanh(outputs.outputHead.transposed))
        case "outer": return make(states, logits)
        default: return operation.arity == 2 ? make(x, y) : make(x)
        }
    }

    private static var stock: [LossVector] {
        LossSerializationTests.stock.filter { !$0.program.nodes.contains { $0.shape.contains(.fixed(8)) } }.map { LossVector($0) }
    }
}
