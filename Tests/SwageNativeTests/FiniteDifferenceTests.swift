import Swage
import Testing
import TestSupport

/// Backward passes of the plain operations against central differences, in double precision, on random sizes.
@Suite struct FiniteDifferenceTests {
    /// The gradient of `sum(weights · function(x))` by central differences.
    private func numeric(_ x: [Double], _ weights: [Double], _ function: ([Double]) -> [Double]) -> [Double] {
        x.indices.map { i in
            let step = 1e-5
            func total(_ shift: Double) -> Double {
                var moved = x
                moved[i] += shift
                return zip(function(moved), weights).reduce(0) { $0 + $1.0 * $1.1 }
            }
            return (total(step) - total(-step)) / (2 * step)
        }
    }

    private func expectEqual(_ found: [Double], _ expected: [Double], _ what: String) {
        let difference = relativeDifference(found, expected)
        #expect(difference < 1e-7, "\(what) differs by \(difference)")
    }

    @Test(arguments: 0..<5) func rmsNorm(seed: UInt64) {
        var random = RandomNumbers(seed: seed)
        let (rows, channels) = (random.size(1...4), random.size(1...9))
        let (x, w, dy) = (random.doubles(rows * channels), random.doubles(channels), random.doubles(rows * channels))
        let analytic = Plain.rmsNormBackward(dy, x, w, epsilon: 1e-5)
        expectEqual(analytic.dx, numeric(x, dy) { Plain.rmsNorm($0, w, epsilon: 1e-5) }, "dx")
        expectEqual(analytic.dweight, numeric(w, dy) { Plain.rmsNorm(x, $0, epsilon: 1e-5) }, "dweight")
    }

    @Test(arguments: 0..<5) func rope(seed: UInt64) {
        var random = RandomNumbers(seed: seed)
        let half = random.size(1...6)
        let (x, angles, dy) = (random.doubles(2 * half), random.doubles(half), random.doubles(2 * half))
        expectEqual(
            Plain.rope(dy, angles: angles, direction: -1), numeric(x, dy) { Plain.rope($0, angles: angles) }, "dx")
    }

    @Test(arguments: 0..<5) func swiglu(seed: UInt64) {
        var random = RandomNumbers(seed: seed)
        let count = random.size(1...12)
        let (gate, up, dy) = (random.doubles(count), random.doubles(count), random.doubles(count))
        let analytic = Plain.swigluBackward(dy, gate: gate, up: up)
        expectEqual(analytic.dgate, numeric(gate, dy) { Plain.swiglu(gate: $0, up: up) }, "dgate")
        expectEqual(analytic.dup, numeric(up, dy) { Plain.swiglu(gate: gate, up: $0) }, "dup")
    }

    @Test(arguments: 0..<5) func linear(seed: UInt64) {
        var random = RandomNumbers(seed: seed)
        let (rows, inputs, outputs) = (random.size(1...4), random.size(1...5), random.size(1...5))
        let (x, w) = (random.doubles(rows * inputs), random.doubles(outputs * inputs))
        let dy = random.doubles(rows * outputs)
        let analytic = Plain.linearBackward(dy, x, w, inputs: inputs)
        expectEqual(analytic.dx, numeric(x, dy) { Plain.linear($0, w, inputs: inputs) }, "dx")
        expectEqual(analytic.dweight, numeric(w, dy) { Plain.linear(x, $0, inputs: inputs) }, "dweight")
    }

    @Test(arguments: 0..<5) func attention(seed: UInt64) {
        var random = RandomNumbers(seed: seed)
        let (length, size) = (random.size(1...7), random.size(1...4))
        let window = random.size(1...8)
        let count = length * size
        let (q, k, v, dy) = (random.doubles(count), random.doubles(count), random.doubles(count), random.doubles(count))
        let analytic = Plain.attentionBackward(dy, q, k, v, size: size, window: window)
        expectEqual(analytic.dq, numeric(q, dy) { Plain.attention($0, k, v, size: size, window: window) }, "dq")
        expectEqual(analytic.dk, numeric(k, dy) { Plain.attention(q, $0, v, size: size, window: window) }, "dk")
        expectEqual(analytic.dv, numeric(v, dy) { Plain.attention(q, k, $0, size: size, window: window) }, "dv")
    }

    @Test(arguments: 0..<5) func logProbs(seed: UInt64) {
        var random = RandomNumbers(seed: seed)
        let (rows, vocabulary) = (random.size(1...3), random.size(2...9))
        let (logits, dy) = (random.doubles(rows * vocabulary), random.doubles(rows))
        let targets = (0..<rows).map { _ in random.size(0...vocabulary - 1) }
        expectEqual(
            Plain.logProbsBackward(dy, logits, targets: targets),
            numeric(logits, dy) { Plain.logProbs($0, targets: targets) }, "dlogits")
    }
}
