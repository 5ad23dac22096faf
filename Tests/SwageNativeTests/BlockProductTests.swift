import CSwageKernels
import Foundation
import SwageNative
import Testing
import TestSupport

/// The products of blocks, panels and few rows against plain loops, on sizes that fit no tile.
@Suite struct BlockProductTests {
    static let sizes = [1, 5, 8, 13, 32, 49]

    private func doubles(_ x: [Float]) -> [Double] { x.map(Double.init) }

    private func expectEqual(_ found: [Float], _ expected: [Double], _ what: String, within bound: Double = 5e-6) {
        let difference = relativeDifference(doubles(found), expected)
        #expect(difference < bound, "\(what) differs by \(difference)")
    }

    /// `x` of `[rows, columns]` with the two exchanged.
    private func transposed<Scalar>(_ x: [Scalar], columns: Int) -> [Scalar] {
        let rows = x.count / columns
        return (0..<x.count).map { x[$0 % rows * columns + $0 / rows] }
    }

    @Test(arguments: sizes, [1, 7, 16, 40, 65]) func blockProductEqualsItsPlainTwin(m: Int, n: Int) {
        var random = RandomNumbers(seed: UInt64(m * 100 + n))
        let k = 19
        let (a, b, before) = (random.floats(m * k), random.floats(k * n), random.floats(m * n))
        let product = Plain.linear(doubles(a), transposed(doubles(b), columns: n), inputs: k)
        var c = before
        swage_block_product(m, n, k, a, k, 1, b, n, &c, n, false)
        expectEqual(c, product, "A B")
        c = before
        swage_block_product(m, n, k, transposed(a, columns: k), 1, m, b, n, &c, n, true)
        expectEqual(c, zip(doubles(before), product).map(+), "C + A B of a transposed A")
    }

    @Test(arguments: sizes, sizes) func panelProductEqualsItsPlainTwin(queries: Int, keys: Int) {
        var random = RandomNumbers(seed: UInt64(queries * 100 + keys))
        let (size, width) = (11, Int(swage_panel_columns))
        let panels = (keys + width - 1) / width
        let (q, k) = (random.floats(queries * size), random.floats(keys * size))
        var packed = [Float](repeating: .nan, count: panels * size * width)
        swage_pack_panels(k, size, keys, size, width, &packed)
        var scores = [Float](repeating: .nan, count: queries * panels * width)
        swage_panel_product(queries, panels, size, q, size, packed, &scores, panels * width)
        let found = (0..<queries).flatMap { scores[$0 * panels * width..<$0 * panels * width + keys] }
        expectEqual(found, Plain.linear(doubles(q), doubles(k), inputs: size), "scores")
    }

    @Test(arguments: [1, 3, 8, 16, 17, 24, 32, 33, 70, 96], [5, 64, 130]) func productsForFewRowsEqualTheirPlainTwin(rows: Int, inputs: Int) {
        var random = RandomNumbers(seed: UInt64(rows * 1000 + inputs))
        let (outputs, width) = (53, min((rows + 7) / 8 * 8, Int(swage_panel_columns)))
        let (x, weight) = (random.floats(rows * inputs), random.floats(outputs * inputs))
        var packed = [Float](repeating: 0, count: (rows + width - 1) / width * inputs * width)
        swage_pack_panels(x, inputs, rows, inputs, width, &packed)
        var y = [Float](repeating: .nan, count: rows * outputs)
        swage_weight_product(weight, outputs, inputs, packed, width, rows, &y, outputs)
        expectEqual(y, Plain.linear(doubles(x), doubles(weight), inputs: inputs), "y")

        let groups = (inputs + Int(swage_8bit_group) - 1) / Int(swage_8bit_group)
        var quantized = [Int8](repeating: 1, count: outputs * groups * Int(swage_8bit_group))
        var scales = [Float](repeating: 0, count: outputs * groups)
        swage_quantize_8bit(weight, outputs, inputs, &quantized, &scales)
        let restored = (0..<outputs * inputs).map { index in
            let (output, input) = (index / inputs, index % inputs)
            return Double(quantized[(output * groups) * Int(swage_8bit_group) + input])
                * Double(scales[output * groups + input / Int(swage_8bit_group)])
        }
        let worst = zip(restored, weight).map { abs($0 - Double($1)) }.max()!
        #expect(worst <= Double(scales.max()!) / 2 * 1.0001, "a weight is off by \(worst), with scales to \(scales.max()!)")
        let expected = Plain.linear(doubles(x), restored, inputs: inputs)
        var scratch = [Float](repeating: .nan, count: Int(swage_8bit_restored_rows) * inputs)
        swage_weight_product_8bit(quantized, scales, outputs, inputs, packed, width, rows, &y, outputs, &scratch)
        expectEqual(y, expected, "y of 8 bits")
        var one = [Float](repeating: .nan, count: outputs)
        swage_vector_product_8bit(quantized, scales, outputs, inputs, x, &one)
        expectEqual(one, Array(expected.prefix(outputs)), "one row of 8 bits")
        swage_vector_product(weight, outputs, inputs, x, &one)
        expectEqual(one, Plain.linear(doubles(Array(x.prefix(inputs))), doubles(weight), inputs: inputs), "one row")
    }

    @Test(arguments: sizes) func sumsOverGroupsEqualThePlainOnes(width: Int) {
        var random = RandomNumbers(seed: UInt64(width))
        let (rows, groups, members) = (3, 2, 3)
        let x = random.floats(rows * groups * members * width)
        var y = [Float](repeating: .nan, count: rows * groups * width)
        swage_sum_groups(x, groups * members * width, &y, groups * width, rows, groups, members, width)
        let expected = y.indices.map { index in
            (0..<members).reduce(0.0) { $0 + Double(x[(index / width * members + $1) * width + index % width]) }
        }
        expectEqual(y, expected, "sums")
    }

    @Test func theBuildHasTheInstructionsItWasAskedFor() {
        let asked = ProcessInfo.processInfo.environment["SWAGE_INSTRUCTIONS"]
        let lanes = swage_product_lanes()
        switch asked {
        case "baseline": #expect(lanes == 4)
        case "v3": #expect(lanes == 8)
        default: #expect([4, 8, 16].contains(lanes), "\(lanes) lanes")
        }
    }
}

@Suite struct ProductGridTests {
    @Test(arguments: [1, 2, 3, 8, 12], [1, 15, 33, 640, 3072])
    func everyElementIsInOneRectangle(threads: Int, m: Int) {
        for n in [1, 16, 577, 1536] {
            let rectangles = ProductGrid(m: m, n: n, threads: threads).rectangles
            #expect(rectangles.count <= threads, "\(rectangles.count) rectangles for \(threads) threads")
            var counts = [Int](repeating: 0, count: m * n)
            for (rows, columns) in rectangles { for row in rows { for column in columns { counts[row * n + column] += 1 } } }
            #expect(counts.allSatisfy { $0 == 1 }, "[\(m), \(n)] in \(rectangles)")
        }
    }

    @Test func aProductOfManyRowsIsSharedByRowsAndOneOfManyColumnsByColumns() {
        #expect(ProductGrid(m: 3072, n: 576, threads: 2).rectangles.map(\.rows) == [0..<1536, 1536..<3072])
        #expect(ProductGrid(m: 640, n: 3072, threads: 2).rectangles.map(\.columns) == [0..<1536, 1536..<3072])
    }
}
