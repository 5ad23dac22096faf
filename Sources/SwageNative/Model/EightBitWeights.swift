import CSwageKernels

/// A copy of a model's matrices in 8 bits, with a scale for each run of 64 weights, for sampling: a quarter of the
/// memory to read for every token.
final class EightBitWeights {
    private struct Matrix {
        /// Four weights lie in the place of one number.
        let memory: FloatBuffer
        let scales: FloatBuffer
        let count: Int

        var weights: UnsafeMutablePointer<Int8> { UnsafeMutableRawPointer(memory.start).assumingMemoryBound(to: Int8.self) }
    }

    /// By their offset in the layout.
    private var matrices: [Int: Matrix] = [:]
    /// Rows of weights as they are brought back to float32, for each thread.
    private let restored: [FloatBuffer]
    private let products: Products

    /// - Parameter shapes: the matrices that products read, by their offset in the layout.
    /// - Throws: ``TrainerError`` with code `tooLarge` if there is no memory for them.
    init(_ parameters: FloatBuffer, shapes: [Int: (outputs: Int, inputs: Int)], products: Products) throws {
        self.products = products
        let widest = shapes.values.map(\.inputs).max() ?? 0
        restored = try (0..<products.team.count).map { _ in
            try FloatBuffer(count: Int(swage_8bit_restored_rows) * widest, for: "weights in 8 bits")
        }
        for (offset, shape) in shapes {
            let groups = Self.groups(shape.inputs)
            let count = shape.outputs * groups * swage_8bit_group
            let matrix = Matrix(
                memory: try FloatBuffer(count: count / MemoryLayout<Float>.stride, for: "weights in 8 bits"),
                scales: try FloatBuffer(count: shape.outputs * groups, for: "weights in 8 bits"), count: count)
            products.team.split(shape.outputs) { _, part in
                swage_quantize_8bit(
                    parameters.start + offset + part.lowerBound * shape.inputs, part.count, shape.inputs,
                    matrix.weights + part.lowerBound * groups * swage_8bit_group,
                    matrix.scales.start + part.lowerBound * groups)
            }
            matrices[offset] = matrix
        }
    }

    /// How many bytes a pass over all matrices reads.
    var byteCount: Int { matrices.values.reduce(0) { $0 + $1.count + $1.scales.count * MemoryLayout<Float>.stride } }

    /// `y[rows, outputs] = x[rows, inputs] · weightᵀ`, for at most ``Products/mostFewRows`` rows.
    func forward(
        _ x: UnsafePointer<Float>, offset: Int, _ y: UnsafeMutablePointer<Float>, rows: Int, inputs: Int, outputs: Int
    ) {
        let matrix = matrices[offset]!
        let groups = Self.groups(inputs)
        products.forwardFewRows(x, y, rows: rows, inputs: inputs, outputs: outputs) { x, y, thread, part in
            let weights = matrix.weights + part.lowerBound * groups * swage_8bit_group
            let scales = matrix.scales.start + part.lowerBound * groups
            if rows == 1 {
                swage_vector_product_8bit(weights, scales, part.count, inputs, x, y)
            } else {
                swage_weight_product_8bit(
                    weights, scales, part.count, inputs, x, Products.panelWidth(rows), rows, y, outputs, restored[thread].start)
            }
        }
    }

    private static func groups(_ inputs: Int) -> Int { (inputs + swage_8bit_group - 1) / swage_8bit_group }
}
