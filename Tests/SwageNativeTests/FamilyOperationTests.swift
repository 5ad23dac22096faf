import CSwageKernels
import Foundation
import Testing
import TestSupport

/// The operations that some families have: plain ones against central differences in double precision, kernels against the plain ones.
@Suite struct FamilyOperationTests {
    private static let sizes = [1, 2, 7, 16, 33, 100]

    private func numeric(_ x: [Double], _ weights: [Double], _ function: ([Double]) -> [Double]) -> [Double] {
        x.indices.map { i in
            func total(_ shift: Double) -> Double {
                var moved = x
                moved[i] += shift
                return zip(function(moved), weights).reduce(0) { $0 + $1.0 * $1.1 }
            }
            return (total(1e-5) - total(-1e-5)) / 2e-5
        }
    }

    private func expectEqual(_ found: [Double], _ expected: [Double], _ what: String, _ tolerance: Double = 1e-7) {
        let difference = relativeDifference(found, expected)
        #expect(difference < tolerance, "\(what) differs by \(difference)")
    }

    private func expectEqual(_ found: [Float], _ expected: [Double], _ what: String) {
        expectEqual(found.map(Double.init), expected, what, 2e-5)
    }

    private func doubles(_ x: [Float]) -> [Double] { x.map(Double.init) }

    @Test(arguments: 0..<5) func layerNormByDifferences(seed: UInt64) {
        var random = RandomNumbers(seed: seed)
        let (rows, channels) = (random.size(1...4), random.size(2...9))
        let (x, dy) = (random.doubles(rows * channels), random.doubles(rows * channels))
        let (w, b) = (random.doubles(channels), random.doubles(channels))
        let analytic = Plain.layerNormBackward(dy, x, w, epsilon: 1e-3)
        expectEqual(analytic.dx, numeric(x, dy) { Plain.layerNorm($0, w, b, epsilon: 1e-3) }, "dx", 1e-6)
        expectEqual(analytic.dweight, numeric(w, dy) { Plain.layerNorm(x, $0, b, epsilon: 1e-3) }, "dweight")
        expectEqual(analytic.dbias, numeric(b, dy) { Plain.layerNorm(x, w, $0, epsilon: 1e-3) }, "dbias")
    }

    @Test(arguments: 0..<5) func activationsAndBoundsByDifferences(seed: UInt64) {
        var random = RandomNumbers(seed: seed)
        let count = random.size(1...12)
        let (x, dy) = (random.doubles(count), random.doubles(count))
        expectEqual(Plain.geluBackward(dy, x), numeric(x, dy) { Plain.gelu($0) }, "gelu")
        expectEqual(
            Plain.softCapBackward(dy, x, scale: 0.7, cap: 1.5), numeric(x, dy) { Plain.softCap($0, scale: 0.7, cap: 1.5) }, "bound")
        expectEqual(
            Plain.cappedSoftmaxBackward(dy, x, scale: 0.7, cap: 1.5), numeric(x, dy) { Plain.cappedSoftmax($0, scale: 0.7, cap: 1.5) },
            "bounded softmax")
    }

    @Test(arguments: 0..<5) func boundedExpertsAndSinksByDifferences(seed: UInt64) {
        var random = RandomNumbers(seed: seed)
        let count = random.size(1...12)
        let (gate, up, dy) = (random.doubles(count), random.doubles(count), random.doubles(count))
        let analytic = Plain.clampedSwigluBackward(dy, gate: gate, up: up, alpha: 1.7, limit: 1.1)
        expectEqual(analytic.dgate, numeric(gate, dy) { Plain.clampedSwiglu(gate: $0, up: up, alpha: 1.7, limit: 1.1) }, "dgate")
        expectEqual(analytic.dup, numeric(up, dy) { Plain.clampedSwiglu(gate: gate, up: $0, alpha: 1.7, limit: 1.1) }, "dup")
        let softmax = Plain.sinkSoftmaxBackward(dy, gate, sink: 0.4)
        expectEqual(softmax.dscores, numeric(gate, dy) { Plain.sinkSoftmax($0, sink: 0.4) }, "dscores")
        expectEqual([softmax.dsink], numeric([0.4], dy) { Plain.sinkSoftmax(gate, sink: $0[0]) }, "dsink")
    }

    @Test(arguments: sizes) func boundedExpertsAndSinksEqualTheirPlainTwins(width: Int) {
        var random = RandomNumbers(seed: UInt64(width))
        let (gate, up, dy) = (random.floats(width), random.floats(width), random.floats(width))
        let plain = Plain.clampedSwiglu(gate: doubles(gate), up: doubles(up), alpha: 1.7, limit: 1.1)
        var (y, again, dgateUp) = (dy, dy, gate + up)
        swage_clamped_swiglu_forward(gate + up, &y, 1, width, 1.7, 1.1)
        expectEqual(y, plain, "y")
        swage_clamped_swiglu_backward(dy, gate + up, &dgateUp, &again, 1, width, 1.7, 1.1)
        expectEqual(again, plain, "y again")
        let expected = Plain.clampedSwigluBackward(doubles(dy), gate: doubles(gate), up: doubles(up), alpha: 1.7, limit: 1.1)
        expectEqual(dgateUp, expected.dgate + expected.dup, "dgate and dup")
        var (scores, lse) = (gate, [Float(0)])
        swage_softmax_forward_sink(&scores, 1, width, [0], [Int32(width)], 0.5, 0.4, &lse, 1)
        let p = Plain.sinkSoftmax(doubles(gate).map { $0 / 2 }, sink: 0.4)
        expectEqual(scores, p, "probabilities")
        #expect(abs(exp(0.4 - Double(lse[0])) - (1 - p.reduce(0, +))) < 1e-6, "the sink's share is \(exp(0.4 - Double(lse[0])))")
    }

    @Test(arguments: 0..<5) func neighborsTurnBackByTheirGradient(seed: UInt64) {
        var random = RandomNumbers(seed: seed)
        let half = random.size(1...6)
        let (x, angles, dy) = (random.doubles(2 * half), random.doubles(half), random.doubles(2 * half))
        expectEqual(
            Plain.ropeOfNeighbors(dy, angles: angles, direction: -1), numeric(x, dy) { Plain.ropeOfNeighbors($0, angles: angles) }, "dx")
    }

    @Test(arguments: sizes) func layerNormEqualsItsPlainTwin(channels: Int) {
        var random = RandomNumbers(seed: UInt64(channels))
        let rows = 3
        let (x, residual, dy) = (random.floats(rows * channels), random.floats(rows * channels), random.floats(rows * channels))
        let (w, b) = (random.floats(channels), random.floats(channels))
        var (sum, y, rstd) = (x, x, [Float](repeating: 0, count: rows))
        swage_layernorm_forward(&sum, residual, w, b, &y, &rstd, rows, channels, 1e-3)
        expectEqual(sum, zip(doubles(x), doubles(residual)).map(+), "x and its residual")
        expectEqual(y, Plain.layerNorm(doubles(sum), doubles(w), doubles(b), epsilon: 1e-3), "y")
        let expected = Plain.layerNormBackward(doubles(dy), doubles(sum), doubles(w), epsilon: 1e-3)
        let (before, weightBefore, biasBefore) = (random.floats(rows * channels), random.floats(channels), random.floats(channels))
        var (dx, dw, db) = (before, weightBefore, biasBefore)
        swage_layernorm_backward(dy, sum, w, rstd, &dx, &dw, &db, rows, channels, 0)
        expectEqual(dx, zip(doubles(before), expected.dx).map(+), "dx")
        expectEqual(dw, zip(doubles(weightBefore), expected.dweight).map(+), "dweight")
        expectEqual(db, zip(doubles(biasBefore), expected.dbias).map(+), "dbias")
        var inPlace = dy
        inPlace.withUnsafeMutableBufferPointer { place in
            let start = place.baseAddress!
            swage_layernorm_backward(start, sum, w, rstd, start, &dw, &db, rows, channels, 1)
        }
        expectEqual(zip(inPlace, before).map(+), zip(doubles(before), expected.dx).map(+), "dx in place")
    }

    @Test(arguments: sizes) func activationsEqualTheirPlainTwins(width: Int) {
        var random = RandomNumbers(seed: UInt64(width))
        let (gate, up, dy) = (random.floats(width).map { 3 * $0 }, random.floats(width), random.floats(width))
        let plain = Plain.gelu(doubles(gate))
        var (y, dx, again) = (dy, dy, dy)
        swage_gelu_forward(gate, &y, width)
        expectEqual(y, plain, "gelu")
        swage_gelu_backward(dy, gate, &dx, &again, width)
        expectEqual(again, plain, "gelu again")
        expectEqual(dx, Plain.geluBackward(doubles(dy), doubles(gate)), "its gradient")
        let product = zip(plain, doubles(up)).map(*)
        swage_geglu_forward(gate + up, &y, 1, width)
        expectEqual(y, product, "geglu")
        var dgateUp = gate + up
        swage_geglu_backward(dy, gate + up, &dgateUp, &again, 1, width)
        expectEqual(again, product, "geglu again")
        let dgate = Plain.geluBackward(zip(doubles(dy), doubles(up)).map(*), doubles(gate))
        expectEqual(dgateUp, dgate + zip(doubles(dy), plain).map(*), "dgate and dup")
    }

    @Test(arguments: sizes, [0.01, 1, 40]) func boundsEqualTheirPlainTwins(count: Int, size: Double) {
        var random = RandomNumbers(seed: UInt64(count))
        let (x, dp) = (random.floats(count).map { Float(size) * $0 }, random.floats(count))
        var y = x
        swage_soft_cap(&y, count, 0.7, 1.5)
        expectEqual(y, Plain.softCap(doubles(x), scale: 0.7, cap: 1.5), "y")
        var dx = dp
        swage_soft_cap_backward(&dx, y, count, 0.7, 1.5)
        let expected = Plain.softCapBackward(doubles(dp), doubles(x), scale: 0.7, cap: 1.5)
        // Where the bound is reached the slope is the small difference of numbers near 1.
        let largest = zip(doubles(dx), expected).map { abs($0 - $1) }.max()!
        #expect(largest < 1e-6, "dx differs by \(largest)")

        var (scores, lse) = (y, [Float(0)])
        let (first, last) = ([Int32(0)], [Int32(count)])
        swage_softmax_forward(&scores, 1, count, first, last, 1, &lse, 1)
        let p = Plain.cappedSoftmax(doubles(x), scale: 0.7, cap: 1.5)
        expectEqual(scores, p, "probabilities")
        let delta = [Float(zip(p, dp).reduce(0) { $0 + $1.0 * Double($1.1) })]
        var (again, dscores) = (x, dp)
        swage_softmax_backward_capped(&again, &dscores, 1, count, first, last, 0.7, 1.5, lse, delta, 1)
        expectEqual(again, p, "probabilities again")
        let dexpected = Plain.cappedSoftmaxBackward(doubles(dp), doubles(x), scale: 0.7, cap: 1.5)
        let worst = zip(doubles(dscores), dexpected).map { abs($0 - $1) }.max()!
        #expect(worst < 2e-6, "dscores differ by \(worst)")
    }

    @Test(arguments: [1, 2, 5, 16]) func aPartOfEachHeadTurns(half: Int) {
        var random = RandomNumbers(seed: UInt64(half))
        let (width, size) = (2 * half, 2 * half + 3)
        let angles = random.doubles(half)
        let (cosines, sines) = (angles.map { Float(cos($0)) }, angles.map { Float(sin($0)) })
        let heads = random.floats(2 * size)
        for direction in [1.0, -1] {
            var (halves, neighbors) = (heads, heads)
            swage_rope(&halves, cosines, sines, [0], 1, 2, size, width, 2 * size, Float(direction))
            swage_rope_neighbors(&neighbors, cosines, sines, [0], 1, 2, size, width, 2 * size, Float(direction))
            let parts = [0, size].map { (Array(heads[$0..<$0 + width]), Array(heads[$0 + width..<$0 + size])) }
            let plain = parts.flatMap { Plain.rope(doubles($0.0), angles: angles, direction: direction) + doubles($0.1) }
            expectEqual(halves, plain, "halves")
            let other = parts.flatMap { Plain.ropeOfNeighbors(doubles($0.0), angles: angles, direction: direction) + doubles($0.1) }
            expectEqual(neighbors, other, "neighbors")
        }
    }
}
