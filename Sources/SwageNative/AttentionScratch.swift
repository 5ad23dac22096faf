import CSwageKernels

/// The runs of columns in which products read packed keys and values.
enum Panel {
    static let columns = swage_panel_columns

    /// How many panels hold so many columns.
    static func count(_ columns: Int) -> Int { (columns + Self.columns - 1) / Self.columns }
}

/// The memory of attention, kept from call to call.
final class AttentionScratch {
    /// The sequences at hand.
    private(set) var segments: [Range<Int>] = []
    private(set) var tokenCount = 0
    /// Keys and values of each sequence and head, in panels `[panels, D, 32]`.
    private(set) var keys = FloatBuffer(count: 0)
    private(set) var values = FloatBuffer(count: 0)
    /// The gradients that each query head gives to its key and value, `[N, H D]`.
    private(set) var keyGradients = FloatBuffer(count: 0)
    private(set) var valueGradients = FloatBuffer(count: 0)
    /// A tile of scores a thread, and of their gradients.
    private(set) var scores: [FloatBuffer] = []
    private(set) var scoreGradients: [FloatBuffer] = []
    /// The panels before each sequence, for one head.
    private var panelsBefore: [Int] = []

    /// Makes room for the sequences of a pass.
    func prepare(_ segments: [Range<Int>], _ model: DecoderModel, forBackward: Bool) {
        self.segments = segments
        tokenCount = segments.last?.upperBound ?? 0
        panelsBefore = segments.reduce(into: [0]) { $0.append($0.last! + Panel.count($1.count)) }
        let packed = panelsBefore.last! * Panel.columns * model.keyWidth
        keys.reserve(packed)
        let widest = Panel.count(segments.map(\.count).max() ?? 0) * Panel.columns
        if scores.isEmpty {
            scores = (0..<model.team.count).map { _ in FloatBuffer(count: 0) }
            scoreGradients = scores.map { _ in FloatBuffer(count: 0) }
        }
        for index in scores.indices { scores[index].reserve(Attention.tileRows * widest) }
        guard forBackward else { return }
        values.reserve(packed)
        keyGradients.reserve(tokenCount * model.queryWidth)
        valueGradients.reserve(tokenCount * model.queryWidth)
        for index in scores.indices {
            scoreGradients[index].reserve(Attention.tileRows * min(widest, Attention.blockKeys))
        }
    }

    /// The first panel of a key/value head of a sequence.
    func firstPanel(_ segment: Int, _ head: Int, _ headCount: Int) -> Int {
        panelsBefore[segment] * headCount + head * (panelsBefore[segment + 1] - panelsBefore[segment])
    }
}
