import Foundation
import Swage

/// Random losses that fit together: every output, every axis, every operation.
package enum RandomLoss {
    private static let operations = LossOperation.all.values.sorted { $0.name < $1.name }

    /// A loss that reads `inputs`, whose value stays small. It may be NaN.
    package static func make(_ random: inout SeededGenerator, _ inputs: RandomLossInputs) -> LossFunction {
        var source = random
        let loss = LossFunction("fuzzed") { outputs, batch in
            var pool =
                [
                    outputs.logProbs, outputs.entropy, outputs.logits, outputs.hiddenStates, outputs.outputHead, outputs.logits,
                    batch.targetMask, batch.targetWeights, batch.targetIDs,
                ] + inputs.fields.map { batch[$0.name, $0.shape] }
            for _ in 0..<source.number(below: 9) + 2 {
                if let next = grow(pool, inputs, &source) { pool.append(next) }
            }
            let masks = source.number(below: 2) == 0
            let summands = pool.suffix(3).map { summand in
                let bounded = tanh(summand / 8)
                return (masks && summand.shape == [.batch, .sequence] ? bounded * batch.targetMask : bounded).sum()
            }
            return LossValue(sum: summands.dropFirst().reduce(summands[0], +), denominator: batch.targetMask.sum())
                .reporting("some", pool[source.number(below: pool.count)].sum())
        }
        random = source
        return loss
    }

    /// One more expression out of those that are there; nil if no operands drawn fit the operation drawn.
    private static func grow(
        _ pool: [LossExpression], _ inputs: RandomLossInputs, _ random: inout SeededGenerator
    ) -> LossExpression? {
        let operation = operations[random.number(below: operations.count)]
        for _ in 0..<12 {
            var operands = (0..<operation.arity).map { _ in
                let recent = min(pool.count, random.number(below: 2) == 0 ? 5 : pool.count)
                return pool[pool.count - 1 - random.number(below: recent)]
            }
            if random.number(below: 10) > 0 { restrict(&operands, operation) }
            let attributes = LossAttributes(
                value: [2, 3, 0.5, -1][random.number(below: 4)], axis: random.number(below: 4), index: random.number(below: 3),
                reverse: random.number(below: 2) == 0, shape: shape(operands, pool, inputs, operation, &random))
            guard let result = try? operation.resultShape(operands.map(\.shape), attributes), result.count <= 5,
                inputs.extents.batch % 2 == 0 || !result.contains(.pairs)
            else { continue }
            return operands[0].using(operation.name, Array(operands.dropFirst()), attributes)
        }
        return nil
    }

    /// Keeps operands where the operation is finite.
    private static func restrict(_ operands: inout [LossExpression], _ operation: LossOperation) {
        switch operation.name {
        case "log", "sqrt", "power": operands[0] = softplus(operands[0]) + 0.3
        case "exp": operands[0] = tanh(operands[0]) * 2
        case "divide": operands[1] = softplus(operands[1]) + 0.5
        default: break
        }
    }

    private static func shape(
        _ operands: [LossExpression], _ pool: [LossExpression], _ inputs: RandomLossInputs, _ operation: LossOperation,
        _ random: inout SeededGenerator
    ) -> LossShape {
        let shape = operands[0].shape
        switch operation.name {
        case "scatter", "place": return [RandomLossInputs.axis(&random, inputs.extents)]
        case "sumTo":
            return shape.dropFirst(random.number(below: 2)).map { random.number(below: 2) == 0 ? $0 : .fixed(1) }
        case "broadcastTo":
            let wider = shape.map { $0 == .fixed(1) ? RandomLossInputs.axis(&random, inputs.extents) : $0 }
            return (0..<random.number(below: 3)).map { _ in RandomLossInputs.axis(&random, inputs.extents) } + wider
        default: return pool[random.number(below: pool.count)].shape
        }
    }

    /// The serial form of a loss with something changed: a number, a word, a piece left out.
    package static func damaged(_ serial: String, _ random: inout SeededGenerator) -> String {
        let pieces = serial.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        var changed = pieces
        for _ in 0...random.number(below: 2) {
            let place = random.number(below: changed.count)
            let piece = changed[place]
            switch random.number(below: 6) {
            case 0: changed[place] = replacingNumber(piece, numbers[random.number(below: numbers.count)])
            case 1: changed[place] = replacingWord(piece, &random)
            case 2: changed.remove(at: place)
            case 3: changed.insert(changed[random.number(below: changed.count)], at: place)
            case 4: changed[place] = replacingNumber(piece, "\(random.number(below: 40))")
            default: changed.swapAt(place, random.number(below: changed.count))
            }
            if changed.isEmpty { return "" }
        }
        return changed.joined(separator: ",")
    }

    private static let numbers = [
        "-1", "0", "1", "2", "3", "1e400", "-1e400", "1e-400", "1.5", "9223372036854775807", "9223372036854775808", "1048576",
        "1048577", "null", "true", "[]", "{}", "\"x\"", "NaN", "Infinity", "[[[[[[1]]]]]]",
    ]

    private static func replacingNumber(_ piece: String, _ number: String) -> String {
        guard let begin = piece.firstIndex(where: { $0.isNumber || $0 == "-" }) else { return piece }
        let end = piece[begin...].firstIndex { !"-+.eE0123456789".contains($0) } ?? piece.endIndex
        return piece.replacingCharacters(in: begin..<end, with: number)
    }

    private static func replacingWord(_ piece: String, _ random: inout SeededGenerator) -> String {
        let words =
            operations.map(\.name) + [
                "batch", "sequence", "pairs", "vocabulary", "hidden", "output", "field", "constant",
                "seed", "logits", "logProbs", "axis", "index", "of", "op", "shape", "name", "value", "reverse", "", "targetMask",
            ]
        let quotes = piece.indices.filter { piece[$0] == "\"" }
        guard quotes.count >= 2 else { return piece }
        let pair = random.number(below: quotes.count / 2) * 2
        return piece.replacingCharacters(
            in: piece.index(after: quotes[pair])..<quotes[pair + 1], with: words[random.number(below: words.count)])
    }
}
