import CSwageKernels
import Foundation
import Testing
import TestSupport

/// The C kernels against the plain operations, on sizes that fit no vector.
@Suite struct KernelTests {
    static let sizes = [1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 129]
    static let tolerance = 2e-6

    private func doubles(_ x: [Float]) -> [Double] { x.map(Double.init) }

    private func expectEqual(_ found: [Float], _ expected: [Double], _ what: String, within bound: Double = tolerance) {
        let difference = relativeDifference(doubles(found), expected)
        #expect(difference < bound, "\(what) differs by \(difference)")
    }

    /// Frequencies of winners against the weights' shares, likely and unlikely ones, within five standard errors.
    @Test func aRaceIsWonByChancesThatFollowTheWeights() {
        let weights: [Float] = [0.5, 0, 0.25, 0.2, 0.04, 0.009, 0.001] + Array(repeating: 1e-6, count: 100)
        let total = weights.reduce(0) { $0 + Double($1) }
        var counts = [Int](repeating: 0, count: weights.count)
        var random = RandomNumbers(seed: 9)
        let draws = 400_000
        for _ in 0..<draws {
            var raced = weights
            swage_race(&raced, raced.count, UInt64(random.size(0...Int.max)))
            counts[swage_largest(raced, raced.count)] += 1
        }
        let chances = weights.prefix(7).map { Double($0) / total } + [100e-6 / total]
        for (index, chance) in chances.enumerated() {
            let found = Double(index < 7 ? counts[index] : counts[7...].reduce(0, +)) / Double(draws)
            let error = (chance * (1 - chance) / Double(draws)).squareRoot()
            #expect(abs(found - chance) <= 5 * error, "weight \(index): \(found), not \(chance) ± \(error)")
        }
    }

    /// Sums that are rounded otherwise leave the winner alone.
    @Test func aRaceIsWonByTheSameAfterALittleNoise() {
        var random = RandomNumbers(seed: 10)
        var moved = 0
        for _ in 0..<2000 {
            let weights = random.floats(5000).map { Foundation.exp(3 * $0) }
            let noisy = zip(weights, random.floats(5000)).map { $0 * (1 + 1e-5 * $1) }
            let key = UInt64(random.size(0...Int.max))
            let winners = [weights, noisy].map { weights in
                var raced = weights
                swage_race(&raced, raced.count, key)
                return swage_largest(raced, raced.count)
            }
            if winners[0] != winners[1] { moved += 1 }
        }
        #expect(moved <= 1, "\(moved) of 2000 winners moved")
    }

    @Test(arguments: sizes) func rmsNormEqualsItsPlainTwin(channels: Int) {
        var random = RandomNumbers(seed: UInt64(channels))
        let rows = 3
        let (x, w, dy) = (random.floats(rows * channels), random.floats(channels), random.floats(rows * channels))
        var y = x
        var rstd = [Float](repeating: 0, count: rows)
        swage_rmsnorm_forward(x, w, &y, &rstd, rows, channels, channels, channels, 1e-5)
        expectEqual(y, Plain.rmsNorm(doubles(x), doubles(w), epsilon: 1e-5), "y")

        var sum = x
        swage_add_rmsnorm_forward(&sum, dy, w, &y, &rstd, rows, channels, 1e-5)
        expectEqual(sum, zip(doubles(x), doubles(dy)).map(+), "x and its residual")
        expectEqual(y, Plain.rmsNorm(doubles(sum), doubles(w), epsilon: 1e-5), "y of the sum")
        swage_rmsnorm_forward(x, w, &y, &rstd, rows, channels, channels, channels, 1e-5)

        let expected = Plain.rmsNormBackward(doubles(dy), doubles(x), doubles(w), epsilon: 1e-5)
        let (before, dweightBefore) = (random.floats(rows * channels), random.floats(channels))
        var (dx, dweight) = (before, dweightBefore)
        swage_rmsnorm_backward(dy, x, w, rstd, &dx, &dweight, rows, channels, channels, 0)
        expectEqual(dx, zip(doubles(before), expected.dx).map(+), "dx")
        expectEqual(dweight, zip(doubles(dweightBefore), expected.dweight).map(+), "dweight")
        var inPlace = dy
        swage_rmsnorm_backward(inPlace, x, w, rstd, &inPlace, &dweight, rows, channels, channels, 1)
        // With one channel the gradient is nearly 0, and rounding nearly all of it.
        expectEqual(zip(inPlace, before).map(+), zip(doubles(before), expected.dx).map(+), "dx in place")
    }

    @Test(arguments: sizes) func swigluEqualsItsPlainTwin(width: Int) {
        var random = RandomNumbers(seed: UInt64(width))
        let (gate, up, dy) = (random.floats(width), random.floats(width), random.floats(width))
        var y = dy
        swage_swiglu_forward(gate + up, &y, 1, width)
        expectEqual(y, Plain.swiglu(gate: doubles(gate), up: doubles(up)), "y")
        var dgateUp = gate + up
        var again = [Float](repeating: 0, count: width)
        swage_swiglu_backward(dy, gate + up, &dgateUp, &again, 1, width)
        expectEqual(again, Plain.swiglu(gate: doubles(gate), up: doubles(up)), "y again")
        let expected = Plain.swigluBackward(doubles(dy), gate: doubles(gate), up: doubles(up))
        expectEqual(dgateUp, expected.dgate + expected.dup, "dgate and dup")
    }

    @Test(arguments: sizes) func ropeEqualsItsPlainTwin(half: Int) {
        var random = RandomNumbers(seed: UInt64(half))
        let angles = random.doubles(2 * half)
        let (cosines, sines) = (angles.map { Float(cos($0)) }, angles.map { Float(sin($0)) })
        let heads = random.floats(2 * 2 * half)
        for (direction, position) in [(1, 0), (-1, 1)] {
            var turned = heads
            swage_rope(&turned, cosines, sines, [Int32(position)], 1, 2, 2 * half, 2 * half, 4 * half, Float(direction))
            let turns = Array(angles.dropFirst(position * half).prefix(half))
            let first = Plain.rope(doubles(Array(heads.prefix(2 * half))), angles: turns, direction: Double(direction))
            let second = Plain.rope(doubles(Array(heads.suffix(2 * half))), angles: turns, direction: Double(direction))
            expectEqual(turned, first + second, "heads at position \(position)")
        }
    }

    @Test(arguments: sizes) func logProbsEqualTheirPlainTwin(vocabulary: Int) {
        var random = RandomNumbers(seed: UInt64(vocabulary))
        let rows = 3
        let (logits, dy) = (random.floats(rows * vocabulary), random.floats(rows))
        let targets = (0..<rows).map { _ in random.size(0...vocabulary - 1) }
        var lse = dy
        swage_log_sum_exp(logits, &lse, rows, vocabulary)
        let found = targets.enumerated().map { logits[$0 * vocabulary + $1] - lse[$0] }
        let expected = Plain.logProbs(doubles(logits), targets: targets)
        #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) < 1e-5 }, "\(found), not \(expected)")
        var weights = [Float](repeating: 0, count: vocabulary)
        swage_exponentials(logits, &weights, vocabulary, 2)
        let top = logits.prefix(vocabulary).max()!
        expectEqual(weights, logits.prefix(vocabulary).map { exp(2 * Double($0 - top)) }, "weights", within: 1e-5)
        var gradient = logits
        swage_logprob_backward(&gradient, lse, targets.map { Int32($0) }, dy, rows, vocabulary)
        let plain = Plain.logProbsBackward(doubles(dy), doubles(logits), targets: targets)
        #expect(zip(gradient, plain).allSatisfy { abs(Double($0) - $1) < 1e-5 }, "gradient of size \(vocabulary)")
    }

    @Test(arguments: sizes, [1, 5, 200]) func softmaxKernelsMakeThePlainAttention(length: Int, window: Int) {
        var random = RandomNumbers(seed: UInt64(length * 1000 + window))
        let size = 4
        let scale = 1 / Double(size).squareRoot()
        let (q, k, v) = (random.doubles(length * size), random.doubles(length * size), random.doubles(length * size))
        let dy = random.doubles(length * size)
        let first = (0..<length).map { Int32(max(0, $0 - window + 1)) }
        let last = (0..<length).map { Int32($0 + 1) }
        let scores = Plain.linear(q, k, inputs: size).map { Float($0) }

        var probabilities = scores
        var lse = [Float](repeating: 0, count: length)
        swage_softmax_forward(&probabilities, length, length, first, last, Float(scale), &lse, 1)
        let transposedValues = (0..<size * length).map { v[$0 % length * size + $0 / length] }
        let y = Plain.linear(doubles(probabilities), transposedValues, inputs: length)
        let expected = Plain.attention(q, k, v, size: size, window: window)
        expectEqual(y.map { Float($0) }, expected, "output", within: 1e-5)

        var dprobabilities = Plain.linear(dy, v, inputs: size).map { Float($0) }
        var recomputed = scores
        let delta = (0..<length).map { row in
            (0..<size).reduce(Float(0)) { $0 + Float(dy[row * size + $1] * expected[row * size + $1]) }
        }
        swage_softmax_backward(
            &recomputed, &dprobabilities, length, length, first, last, Float(scale), lse, delta, 1)
        expectEqual(recomputed, doubles(probabilities), "probabilities computed again", within: 1e-5)
        let transposedKeys = (0..<size * length).map { k[$0 % length * size + $0 / length] }
        let dq = Plain.linear(doubles(dprobabilities), transposedKeys, inputs: length)
        let plain = Plain.attentionBackward(dy, q, k, v, size: size, window: window)
        let largest = dy.map(abs).max()!
        #expect(zip(dq, plain.dq).allSatisfy { abs($0 - $1) < 1e-4 * largest }, "dq of \(length) tokens")
    }

    @Test(arguments: sizes) func sumsEqualThePlainOnes(count: Int) {
        var random = RandomNumbers(seed: UInt64(count))
        let (x, y) = (random.floats(3 * count), random.floats(3 * count))
        #expect(relativeDifference([swage_sum_of_squares(x, x.count)], [doubles(x).reduce(0) { $0 + $1 * $1 }]) < 1e-12)
        var dots = [Float](repeating: 0, count: 6)
        swage_row_dots(x, y, &dots, 3, count, count, 2)
        var bias = [Float](repeating: 1, count: count)
        swage_bias_backward(x, &bias, 3, count, count)
        var (added, biased) = (y, x)
        swage_add(&added, x, x.count)
        swage_add_bias(&biased, bias, 3, count)
        for row in 0..<3 {
            let range = row * count..<(row + 1) * count
            let dot = range.reduce(0.0) { $0 + Double(x[$1]) * Double(y[$1]) }
            #expect(abs(Double(dots[2 * row]) - dot) < 1e-4, "row \(row)")
            for index in range {
                let column = index % count
                #expect(added[index] == x[index] + y[index])
                #expect(bias[column] == ((1 + x[column]) + x[count + column]) + x[2 * count + column])
                #expect(biased[index] == x[index] + bias[column])
            }
        }
    }

    @Test func exponentialsAreRightOverTheirRangeAndKeepNaN() {
        // silu(x) / x is the logistic function, which the exponential is all of.
        for x in stride(from: Float(-80), through: 80, by: 0.37) where x != 0 {
            var y: [Float] = [0]
            swage_swiglu_forward([x, 1], &y, 1, 1)
            let expected = Double(x) / (1 + exp(-Double(x)))
            #expect(abs(Double(y[0]) - expected) <= 1e-6 * abs(expected), "silu(\(x)) is \(y[0]), not \(expected)")
        }
        var lse: [Float] = [0]
        swage_log_sum_exp([1, .nan, 2], &lse, 1, 3)
        #expect(lse[0].isNaN)
    }

    @Test(arguments: sizes) func adamWEqualsItsFormula(count: Int) {
        var random = RandomNumbers(seed: UInt64(count))
        let (p, g, m) = (random.floats(count), random.floats(count), random.floats(count))
        let v = random.floats(count).map { $0 * $0 }
        var (parameter, mean, square) = (p, m, v)
        swage_adamw(
            &parameter, g, &mean, &square, count, 0.5, 0.01, 0.9, 0.99, 1e-8, 0.1, 1 - pow(0.9, 3),
            1 - pow(0.99, 3))
        let expected = (0..<count).map { i -> Double in
            let scaled = Double(g[i]) * 0.5
            let mean = (0.9 * Double(m[i]) + 0.1 * scaled) / (1 - pow(0.9, 3))
            let square = (0.99 * Double(v[i]) + 0.01 * scaled * scaled) / (1 - pow(0.99, 3))
            return Double(p[i]) * (1 - 0.01 * 0.1) - 0.01 * mean / (square.squareRoot() + 1e-8)
        }
        expectEqual(parameter, expected, "parameters")
    }
}
