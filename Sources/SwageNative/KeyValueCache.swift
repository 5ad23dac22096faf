import CSwageKernels

/// The keys and values of sequences that grow token by token.
final class KeyValueCache {
    /// How many positions of each row are filled.
    private(set) var lengths: [Int]
    private let model: DecoderModel
    private let begins: [Int]
    /// Keys and then values of each position, `[positions, 2 K D]`, one buffer a layer.
    private let layers: [FloatBuffer]
    private let scores: [FloatBuffer]

    private var width: Int { 2 * model.keyWidth }

    /// - Parameter capacities: how many positions each row may come to have.
    init(_ model: DecoderModel, capacities: [Int]) {
        self.model = model
        lengths = capacities.map { _ in 0 }
        begins = capacities.reduce(into: [0]) { $0.append($0.last! + $1) }
        let positions = begins.last!
        layers = model.layout.layers.map { _ in FloatBuffer(count: positions * 2 * model.keyWidth) }
        let longest = capacities.max() ?? 0
        scores = (0..<model.team.count).map { _ in FloatBuffer(count: longest) }
    }

    /// Takes the keys and values of whole prompts, one segment a row.
    func store(_ layer: LayerActivations, _ index: Int, segments: [Range<Int>]) {
        for (row, segment) in segments.enumerated() {
            for (position, token) in segment.enumerated() { copy(layer, index, token: token, row, position) }
        }
    }

    /// Notes that rows have grown, once all layers have stored.
    func advance(_ rows: [Int], by counts: [Int]) {
        for (row, count) in zip(rows, counts) { lengths[row] += count }
    }

    /// Stores one new token of each of `rows`, and fills `attended` with what their queries see.
    func attend(_ layer: LayerActivations, _ index: Int, rows: [Int]) {
        model.profiler.measure(.attention) { attendAll(layer, index, rows: rows) }
    }

    private func attendAll(_ layer: LayerActivations, _ index: Int, rows: [Int]) {
        for (token, row) in rows.enumerated() { copy(layer, index, token: token, row, lengths[row]) }
        let heads = model.configuration.headCount
        let groupSize = heads / model.configuration.keyValueHeadCount
        let headSize = model.headSize
        let window = model.configuration.slidingWindows[index] ?? .max
        model.team.run(jobs: rows.count * model.configuration.keyValueHeadCount) { [self] thread, job in
            let (token, keyHead) = (job % rows.count, job / rows.count)
            let row = rows[token]
            let seen = min(lengths[row] + 1, window)
            let keys = place(index, row, lengths[row] + 1 - seen) + keyHead * headSize
            for head in keyHead * groupSize..<(keyHead + 1) * groupSize {
                swage_attend_one(
                    layer.projected + token * model.projectedWidth + head * headSize, keys,
                    keys + model.keyWidth, layer.attended + token * model.queryWidth + head * headSize,
                    scores[thread].start, seen, width, headSize, 1 / Float(headSize).squareRoot())
            }
        }
    }

    private func copy(_ layer: LayerActivations, _ index: Int, token: Int, _ row: Int, _ position: Int) {
        let source = layer.projected + token * model.projectedWidth + model.queryWidth
        place(index, row, position).update(from: source, count: width)
    }

    private func place(_ index: Int, _ row: Int, _ position: Int) -> UnsafeMutablePointer<Float> {
        layers[index].start + (begins[row] + position) * width
    }
}
