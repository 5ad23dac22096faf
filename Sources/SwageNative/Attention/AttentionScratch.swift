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
    private(set) var keys = FloatBuffer()
    private(set) var values = FloatBuffer()
    /// The gradients that each query head gives to its key and value, `[N, H D]`.
    private(set) var keyGradients = FloatBuffer()
    private(set) var valueGradients = FloatBuffer()
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
    /// - Throws: ``TrainerError`` with code `tooLarge` if there is no memory for them.
    func prepare(_ segments: [FlatBatch.Segment], _ model: DecoderModel, forBackward: Bool) throws {
        self.segments = segments
        families = Self.families(of: segments)
        tokenCount = segments.last?.tokens.upperBound ?? 0
        panelsBefore = segments.reduce(into: [0]) { $0.append($0.last! + Panel.count($1.tokens.count)) }
        let packed = panelsBefore.last! * Panel.columns * model.keyWidth
        let purpose = "attention over \(tokenCount) tokens"
        try keys.reserve(packed, for: purpose)
        let panels = segments.map { Panel.count($0.tokens.count) }
        let seen = zip(panels, segments).map { own, segment in own + (segment.continues.map { panels[$0] } ?? 0) }
        let widest = (seen.max() ?? 0) * Panel.columns
        if scores.isEmpty {
            scores = (0..<model.team.count).map { _ in FloatBuffer() }
            scoreGradients = scores.map { _ in FloatBuffer() }
        }
        for index in scores.indices { try scores[index].reserve(Attention.tileRows * widest, for: purpose) }
        guard forBackward else { return }
        try values.reserve(packed, for: purpose)
        try keyGradients.reserve(tokenCount * model.queryWidth, for: purpose)
        try valueGradients.reserve(tokenCount * model.queryWidth, for: purpose)
        for index in scores.indices {
            try scoreGradients[index].reserve(Attention.tileRows * min(widest, Attention.blockKeys), for: purpose)
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
