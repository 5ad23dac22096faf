import CSwageKernels

/// The three matrix products of a linear layer, for weights `[outputs, inputs]` and `rows` tokens.
package struct Products {
    let team: ThreadTeam
    private let profiler: Profiler?

    package init(team: ThreadTeam) { self.init(team: team, profiler: nil) }

    init(team: ThreadTeam, profiler: Profiler?) {
        self.team = team
        self.profiler = profiler
    }

    /// `y[rows, outputs] = x[rows, inputs] · weightᵀ`, added to what y holds if `accumulating`.
    package func forward(
        _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, rows: Int,
        inputs: Int, outputs: Int
    ) {
        guard rows > Self.mostFewRows else {
            return forwardFewRows(x, y, rows: rows, inputs: inputs, outputs: outputs) { x, y, _, part in
                let weight = weight + part.lowerBound * inputs
                if rows == 1 {
                    swage_vector_product(weight, part.count, inputs, x, y)
                } else {
                    swage_weight_product(weight, part.count, inputs, x, Self.panelWidth(rows), rows, y, outputs)
                }
            }
        }
        multiply(
            Operand(x, stride: inputs), Operand(weight, stride: inputs, isTransposed: true), y, m: rows, n: outputs,
            k: inputs, accumulating: false)
    }

    /// The most rows for which a library, which copies the weights before it multiplies, is slower than reading them. Where
    /// vectors are short, it may have wider means than ours (Accelerate).
    static let mostFewRows = swage_product_lanes() > 4 ? 128 : 32

    /// The width of the panels that x is packed in.
    static func panelWidth(_ rows: Int) -> Int {
        min((rows + swage_panel_unit - 1) / swage_panel_unit * swage_panel_unit, swage_panel_columns)
    }

    /// Shares the outputs of a product for few rows among the threads. `body` gets x as it is for one row, in panels for
    /// more, and where its part of y begins.
    func forwardFewRows(
        _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, rows: Int, inputs: Int, outputs: Int,
        _ body: (_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ thread: Int, _ part: Range<Int>) -> Void
    ) {
        profiler.measure(.products) {
            guard rows > 1 else {
                return team.split(outputs, granularity: 16) { thread, part in body(x, y + part.lowerBound, thread, part) }
            }
            let width = Self.panelWidth(rows)
            let panels = (rows + width - 1) / width
            withUnsafeTemporaryAllocation(of: Float.self, capacity: panels * inputs * width) { packed in
                let packed = packed.baseAddress!
                let parts = team.parts(of: outputs, granularity: 16)
                team.split(outputs, granularity: 16) { thread, part in
                    let columns = inputs * thread / parts..<inputs * (thread + 1) / parts
                    for panel in 0..<panels {
                        swage_pack_panels(
                            x + panel * width * inputs + columns.lowerBound, inputs, min(width, rows - panel * width),
                            columns.count, width, packed + (panel * inputs + columns.lowerBound) * width)
                    }
                    if parts > 1 { team.meet() }
                    body(packed, y + part.lowerBound, thread, part)
                }
            }
        }
    }

    /// `dx[rows, inputs] = dy[rows, outputs] · weight`.
    package func inputGradient(
        _ dy: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, rows: Int,
        inputs: Int, outputs: Int
    ) {
        multiply(
            Operand(dy, stride: outputs), Operand(weight, stride: inputs), dx, m: rows, n: inputs, k: outputs,
            accumulating: false)
    }

    /// `dweight[outputs, inputs] = dyᵀ · x`, added to what dweight holds if `accumulating`.
    package func weightGradient(
        _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ dweight: UnsafeMutablePointer<Float>, rows: Int,
        inputs: Int, outputs: Int, accumulating: Bool
    ) {
        multiply(
            Operand(dy, stride: outputs, isTransposed: true), Operand(x, stride: inputs), dweight, m: outputs, n: inputs,
            k: rows, accumulating: accumulating)
    }

    /// A factor of a product: where it lies, and the distance between its rows as they are stored.
    private struct Operand {
        let start: UnsafePointer<Float>
        let stride: Int
        let isTransposed: Bool

        init(_ start: UnsafePointer<Float>, stride: Int, isTransposed: Bool = false) {
            self.start = start
            self.stride = stride
            self.isTransposed = isTransposed
        }

        func from(row: Int) -> Operand { Operand(start + row * (isTransposed ? 1 : stride), stride: stride, isTransposed: isTransposed) }
        func from(column: Int) -> Operand { Operand(start + column * (isTransposed ? stride : 1), stride: stride, isTransposed: isTransposed) }
    }

    /// `c[m, n] = a[m, k] · b[k, n]`, each thread a rectangle of it.
    private func multiply(
        _ a: Operand, _ b: Operand, _ c: UnsafeMutablePointer<Float>, m: Int, n: Int, k: Int, accumulating: Bool
    ) {
        profiler.measure(.products) {
            let grid = ProductGrid(m: m, n: n, threads: team.count)
            team.run(jobs: grid.rectangles.count) { _, job in
                let (rows, columns) = grid.rectangles[job]
                let (a, b) = (a.from(row: rows.lowerBound), b.from(column: columns.lowerBound))
                let c = c + rows.lowerBound * n + columns.lowerBound
                guard swage_blas_is_bound() else {
                    return withUnsafeTemporaryAllocation(of: Float.self, capacity: swage_matrix_product_scratch()) { scratch in
                        swage_matrix_product(
                            a.isTransposed, b.isTransposed, rows.count, columns.count, k, a.start, a.stride, b.start, b.stride,
                            accumulating, c, n, scratch.baseAddress)
                    }
                }
                swage_sgemm(
                    a.isTransposed, b.isTransposed, Int32(rows.count), Int32(columns.count), Int32(k), a.start, Int32(a.stride),
                    b.start, Int32(b.stride), accumulating ? 1 : 0, c, Int32(n))
            }
        }
    }
}

/// How a product `[m, n]` is divided among threads: in rectangles of about equal size, one for each.
package struct ProductGrid {
    package let rectangles: [(rows: Range<Int>, columns: Range<Int>)]

    /// What a rectangle's sides are multiples of, so that few vectors are left half full.
    private static let granularity = 16

    package init(m: Int, n: Int, threads: Int) {
        // A thread copies the rows and columns that it reads before it multiplies. Rows cost about twice as much: they are
        // copied once for each block of columns.
        func cost(_ rowParts: Int) -> Int { 2 * m / rowParts + n * rowParts / threads }
        let rowParts = (1...threads).filter { threads % $0 == 0 }.min { cost($0) < cost($1) }!
        let columns = Self.parts(of: n, threads / rowParts)
        rectangles = Self.parts(of: m, rowParts).flatMap { rows in columns.map { (rows, $0) } }
    }

    private static func parts(of total: Int, _ count: Int) -> [Range<Int>] {
        let units = (total + granularity - 1) / granularity
        let parts = min(count, units)
        return (0..<parts).map {
            units * $0 / parts * granularity..<min(total, units * ($0 + 1) / parts * granularity)
        }
    }
}
