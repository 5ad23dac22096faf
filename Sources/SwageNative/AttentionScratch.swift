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
    private(set) var segments: [FlatBatch.Segment] = []
    /// The segments in groups that see nothing of each other.
    private(set) var families: [Family] = []
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

    /// A segment, and those that go on from it, which stand behind it.
    struct Family {
        var segments: Range<Int>
        var tokens: Range<Int>
        var count: Int { tokens.count }
    }

    /// Makes room for the sequences of a pass.
    func prepare(_ segments: [FlatBatch.Segment], _ model: DecoderModel, forBackward: Bool) {
        self.segments = segments
        families = Self.families(of: segments)
        tokenCount = segments.last?.tokens.upperBound ?? 0
        panelsBefore = segments.reduce(into: [0]) { $0.append($0.last! + Panel.count($1.tokens.count)) }
        let packed = panelsBefore.last! * Panel.columns * model.keyWidth
        keys.reserve(packed)
        let panels = segments.map { Panel.count($0.tokens.count) }
        let seen = zip(panels, segments).map { own, segment in own + (segment.continues.map { panels[$0] } ?? 0) }
        let widest = (seen.max() ?? 0) * Panel.columns
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

    private static func families(of segments: [FlatBatch.Segment]) -> [Family] {
        segments.enumerated().reduce(into: []) { families, segment in
            let (index, tokens) = (segment.offset, segment.element.tokens)
            if segment.element.continues == nil {
                families.append(Family(segments: index..<index + 1, tokens: tokens))
            } else {
                let last = families.count - 1
                families[last].segments = families[last].segments.lowerBound..<index + 1
                families[last].tokens = families[last].tokens.lowerBound..<tokens.upperBound
            }
        }
    }

    /// The first panel of a key/value head of a sequence.
    func firstPanel(_ segment: Int, _ head: Int, _ headCount: Int) -> Int {
        panelsBefore[segment] * headCount + head * (panelsBefore[segment + 1] - panelsBefore[segment])
    }
}
