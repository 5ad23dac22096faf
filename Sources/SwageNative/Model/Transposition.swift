/// Matrices between the order in which a file has them and that of products.
enum Transposition {
    /// `[rows, columns]` becomes `[columns, rows]`, in its place.
    static func perform(_ matrix: UnsafeMutableBufferPointer<Float>, rows: Int) {
        let source = Array(matrix)
        source.withUnsafeBufferPointer { copy(UnsafePointer($0.baseAddress!), rows: rows, count: matrix.count, to: matrix.baseAddress!) }
    }

    /// Writes the transpose of `source[rows, columns]` to `target[columns, rows]`.
    static func copy(_ source: UnsafePointer<Float>, rows: Int, count: Int, to target: UnsafeMutablePointer<Float>) {
        let columns = count / max(1, rows)
        for row in 0..<rows { for column in 0..<columns { target[column * rows + row] = source[row * columns + column] } }
    }
}
