extension LossOperation {
    /// What an implementer in another language has to know of an operation; docs/LossPrograms.md is made of it.
    package struct Reference: Sendable {
        /// The shapes of the operands and of the result.
        package let shapes: String
        /// What the result is. `x`, `a`, `b` are operands; other names are attributes.
        package let value: String
        /// Ties, limits, and values at which it is not smooth.
        package let edges: String
        /// What each operand gets of the result's gradient `g`; `y` is the result.
        package let derivative: String
    }

    /// The reference of this operation.
    package var reference: Reference { Self.references[name]! }

    /// What it needs beside its operands, in the order of the page: keys of the serial form. The others are passed over.
    package var needs: [String] { Self.needs(name) }

    /// What a node of that name needs, an operation or a leaf.
    static func needs(_ operation: String) -> [String] {
        switch operation {
        case LossProgram.Node.outputLeaf: ["name"]
        case LossProgram.Node.fieldLeaf: ["name", "shape"]
        case LossProgram.Node.constantLeaf, "power": ["value"]
        case "broadcastTo", "sumTo", "scatter": ["shape"]
        case "take": ["axis", "index"]
        case "place": ["axis", "index", "shape"]
        case "cumulativeSum": ["axis", "reverse"]
        case "segmentCumulativeSum": ["reverse"]
        case "sum", "max", "min", "logSumExp", "softmax", "logSoftmax", "size", "insertAxis", "removeAxis": ["axis"]
        default: []
        }
    }

    package static let references: [String: Reference] = Dictionary(
        uniqueKeysWithValues: (elementwiseReferences + comparisonReferences + axisReferences + shapeReferences + placeReferences)
            .map { ($0.0, Reference(shapes: $0.1, value: $0.2, edges: $0.3, derivative: $0.4)) })

    private typealias Row = (String, String, String, String, String)

    private static let same = "any → the same"
    private static let meet = "a, b → where they meet"

    private static let elementwiseReferences: [Row] = [
        ("negate", same, "−x", "", "−g"),
        ("exp", same, "eˣ", "overflows to infinity", "g·y"),
        ("log", same, "ln x", "of 0 −infinity, of less NaN", "g / x"),
        ("sqrt", same, "√x", "of less than 0 NaN", "g / (2y)"),
        ("tanh", same, "tanh x", "", "g·(1 − y²)"),
        ("sigmoid", same, "1 / (1 + e⁻ˣ)", "does not overflow for large −x", "g·y·(1 − y)"),
        ("softplus", same, "ln(1 + eˣ)", "does not overflow: max(x, 0) + ln(1 + exp(−abs(x)))", "g·sigmoid(x)"),
        ("relu", same, "max(x, 0)", "", "g where x > 0, else 0 (0 at 0)"),
        ("abs", same, "the magnitude of x", "", "g·sign(x) (0 at 0)"),
        ("sign", same, "−1, 0 or 1", "of 0 0, of NaN NaN", "none"),
        ("stopGradient", same, "x", "", "none"),
        (
            "power", same, "x to the power of `value`",
            "as C's `pow`: anything to the power of 0 is 1, less than 0 to a broken power is NaN, 0 to a power below 0 is infinity",
            "g·(value·x^(value − 1)); 0 where `value` is 0"
        ),
        ("add", meet, "a + b", "", "g to both"),
        ("subtract", meet, "a − b", "", "g; −g"),
        ("multiply", meet, "a·b", "", "g·b; g·a"),
        ("divide", meet, "a / b", "by 0: infinity, 0 / 0 is NaN", "g / b; −(g / b)·y"),
        ("minimum", meet, "the smaller", "", "g to the one taken; half to each of two equal ones"),
        ("maximum", meet, "the larger", "", "g to the one taken; half to each of two equal ones"),
    ]

    private static let comparisonReferences: [Row] = [
        ("less", meet, "1 where a < b, else 0", "with NaN: 0", "none"),
        ("lessOrEqual", meet, "1 where a ≤ b, else 0", "with NaN: 0", "none"),
        ("greater", meet, "1 where a > b, else 0", "with NaN: 0", "none"),
        ("greaterOrEqual", meet, "1 where a ≥ b, else 0", "with NaN: 0", "none"),
        ("equal", meet, "1 where a = b, else 0", "with NaN: 0", "none"),
        ("notEqual", meet, "1 where a ≠ b, else 0", "with NaN: 1", "none"),
        ("and", meet, "1 where neither is 0, else 0", "NaN is not 0", "none"),
        ("or", meet, "0 where both are 0, else 1", "NaN is not 0", "none"),
        ("not", same, "1 where x is 0, else 0", "of NaN 0", "none"),
        (
            "select", "condition, a, b → where all three meet", "a where the condition is not 0, else b",
            "a condition of NaN is not 0: a is taken; NaN in the one not taken is not seen",
            "none to the condition; g to the one taken and 0 to the other"
        ),
    ]

    private static let alongAxis = "any → the same"
    private static let reducing = "any → the same, with 1 for `axis`"
    private static let extremeEdges = "with NaN along `axis`: NaN, and so are all gradients along it"

    private static let axisReferences: [Row] = [
        ("sum", reducing, "the sum along `axis`", "", "g, repeated"),
        ("max", reducing, "the largest along `axis`", extremeEdges, "g in equal parts to all elements that reach it"),
        ("min", reducing, "the smallest along `axis`", extremeEdges, "g in equal parts to all elements that reach it"),
        (
            "logSumExp", reducing, "ln Σ eˣ along `axis`",
            "does not overflow: m + ln Σ e^(x − m), m the largest; an infinite m is the result", "g·e^(x − y)"
        ),
        (
            "softmax", alongAxis, "eˣ / Σ eˣ along `axis`",
            "does not overflow: e^(x − logSumExp(x)); NaN where all are −infinity",
            "y·(g − Σ g·y)"
        ),
        (
            "logSoftmax", alongAxis, "x − ln Σ eˣ along `axis`",
            "does not overflow: x − logSumExp(x); NaN where all are −infinity",
            "g − eʸ·Σ g"
        ),
        (
            "cumulativeSum", alongAxis, "the sum of the elements up to each, itself included, along `axis`",
            "`reverse`: from each to the end", "the same of g in the other direction"
        ),
        ("size", "any → scalar", "the length of `axis`", "", "none"),
        (
            "segmentSum", "[batch, sequence] → the same", "at each position the sum over its sequence",
            "", "segmentSum of g"
        ),
        (
            "segmentCumulativeSum", "[batch, sequence] → the same", "as cumulativeSum along the sequence, begun anew for each sequence",
            "`reverse`: from each to its sequence's end", "the same of g in the other direction"
        ),
    ]

    private static let behindLast = "an `axis` that is the number of axes puts it behind the last"

    private static let shapeReferences: [Row] = [
        ("broadcastTo", "any → `shape`", "x, repeated", "where x and `shape` meet must be `shape`", "g, summed to x's shape"),
        (
            "sumTo", "any → `shape`", "x, summed over the axes that `shape` lacks or has as 1",
            "where x and `shape` meet must be x's shape; `[]` sums all", "g, repeated"
        ),
        ("insertAxis", "any → one axis more", "x, with an axis of 1 at `axis`", behindLast, "g without it"),
        ("removeAxis", "any → one axis less", "x without `axis`, which must be the fixed length 1", "", "g with it"),
        ("transpose", "[…, m, n] → […, n, m]", "x with its last two axes exchanged", "", "g, transposed"),
        ("splitPairs", "[batch, …] → [pairs, 2, …]", "rows 2i and 2i + 1 as a pair", "the batch has an even number of rows", "joinPairs of g"),
        ("joinPairs", "[pairs, 2, …] → [batch, …]", "the pairs as rows again", "", "splitPairs of g"),
    ]

    private static let placeReferences: [Row] = [
        (
            "gather", "[…, n], [ids: …, k] → […, k]", "the elements of x's last axis that ids name",
            "an id that is no index gives NaN", "g, scattered; none to ids"
        ),
        (
            "scatter", "[…, k], [ids: …, k] → […, n]", "zeros, with each element added where ids say; n is the first axis in `shape`",
            "an id that is no index is passed over", "g, gathered, and 0 where the id is no index; none to ids"
        ),
        ("take", "any → one axis less", "element `index` of `axis`, which has a fixed length", "`index` is below it", "g, placed"),
        (
            "place", "any → one axis more",
            "zeros with x at `index` of a new `axis`, whose length, a fixed one, is the first axis in `shape`",
            "`index` is below it; " + behindLast, "g, taken"
        ),
        ("matmul", "[…, k], [k, n] → […, n]", "x times the matrix", "", "g·matrixᵀ; outer(x, g)"),
        ("outer", "[…, k], […, n] → [k, n]", "the sum over all other axes of aᵀ·b", "", "b·gᵀ; a·g"),
    ]
}
