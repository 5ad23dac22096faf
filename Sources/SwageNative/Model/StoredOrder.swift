/// How a file has the numbers of a parameter, where otherwise than products read them.
enum StoredOrder: Sendable, Equatable {
    case same
    /// `[inputs, outputs]`.
    case transposed
    /// `[experts, inputs, outputs]`; if `interleaved`, the outputs of the first half and of the second in turn.
    case experts(interleaved: Bool)
    /// `[rows, channels]`, the channels of the first half and of the second in turn.
    case interleavedRows

    /// Brings what was read of a tensor of `shape` into the order of products, in its place.
    func arrange(_ values: UnsafeMutableBufferPointer<Float>, shape: [Int]) {
        if self == .same { return }
        let stored = Array(values)
        forEachPlace(shape) { file, memory in values[memory] = stored[file] }
    }

    /// Writes a parameter to `target` in the order of files.
    func restore(_ values: UnsafePointer<Float>, shape: [Int], to target: UnsafeMutablePointer<Float>) {
        forEachPlace(shape) { file, memory in target[file] = values[memory] }
    }

    /// Calls `body` with each number's place in the file and in memory.
    private func forEachPlace(_ shape: [Int], _ body: (_ file: Int, _ memory: Int) -> Void) {
        let columns = shape[shape.count - 1]
        let rows = shape.count > 1 ? shape[shape.count - 2] : 1
        let matrices = shape.dropLast(2).reduce(1, *)
        for matrix in 0..<matrices {
            for row in 0..<rows {
                for column in 0..<columns {
                    let halved = column % 2 * (columns / 2) + column / 2
                    let place =
                        switch self {
                        case .same: row * columns + column
                        case .transposed, .experts(interleaved: false): column * rows + row
                        case .experts(interleaved: true): halved * rows + row
                        case .interleavedRows: row * columns + halved
                        }
                    body((matrix * rows + row) * columns + column, matrix * rows * columns + place)
                }
            }
        }
    }
}
