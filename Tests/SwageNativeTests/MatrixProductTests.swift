import CSwageKernels
import Swage
import SwageNative
import Testing
import TestSupport

/// Products where no library is: against plain loops, on sizes around those of tiles, panels and blocks.
@Suite struct MatrixProductTests {
    private static func product(
        _ a: [Float], _ b: [Float], m: Int, n: Int, k: Int, transposingA: Bool, transposingB: Bool, onto before: [Float], accumulates: Bool
    ) -> [Float] {
        var c = before
        var scratch = [Float](repeating: .nan, count: swage_matrix_product_scratch())
        swage_matrix_product(
            transposingA, transposingB, m, n, k, a, transposingA ? m : k, b, transposingB ? k : n, accumulates, &c, n, &scratch)
        return c
    }

    @Test(arguments: [(1, 1, 1), (5, 15, 3), (6, 16, 8), (7, 33, 255), (97, 31, 257), (12, 1025, 20), (100, 40, 600), (1, 64, 300)])
    func productsEqualTheirPlainTwin(m: Int, n: Int, k: Int) {
        var random = RandomNumbers(seed: UInt64(m * 10_000 + n * 100 + k))
        let (x, weight, before) = (random.floats(m * k), random.floats(n * k), random.floats(m * n))
        let expected = Plain.linear(x.map(Double.init), weight.map(Double.init), inputs: k)
        for (transposesA, transposesB) in [(false, true), (false, false), (true, false), (true, true)] {
            let a = transposesA ? (0..<k * m).map { x[$0 % m * k + $0 / m] } : x
            let b = transposesB ? weight : (0..<k * n).map { weight[$0 % n * k + $0 / n] }
            for accumulates in [false, true] {
                let found = Self.product(
                    a, b, m: m, n: n, k: k, transposingA: transposesA, transposingB: transposesB, onto: before, accumulates: accumulates)
                let wanted = accumulates ? zip(expected, before).map { $0 + Double($1) } : expected
                let difference = relativeDifference(found.map(Double.init), wanted)
                #expect(difference < 5e-6, "A \(transposesA ? "ᵀ" : "") B \(transposesB ? "ᵀ" : ""), accumulating \(accumulates), differs by \(difference)")
            }
        }
    }

    /// A library is chosen once for a process.
    @Test func anotherLibraryThanTheOneInUseIsRefused() throws {
        let path = try MatrixLibrary.automatic.use()
        #expect(try MatrixLibrary.automatic.use() == path)
        let other: MatrixLibrary = path == nil ? .at("/nowhere.so") : .own
        let error = #expect(throws: TrainerError.self) { try other.use() }
        #expect(error?.code == .invalidOption, "\(String(describing: error))")
    }
}
