import CSwageKernels

/// The keys and values of sequences that grow token by token, each in a slot that the next one takes over.
final class KeyValueCache {
    /// How many positions of each slot are filled.
    private(set) var lengths: [Int]
    private let model: DecoderModel
    /// How many positions a slot may come to have.
    let capacity: Int
    /// Keys and then values of each position, `[slots, capacity, 2 K D]`, one buffer a layer.
    private let layers: [FloatBuffer]
    private let scores: [FloatBuffer]

    private var width: Int { 2 * model.keyWidth }

    init(_ model: DecoderModel, slots: Int, capacity: Int) {
        self.model = model
        self.capacity = capacity
        lengths = Array(repeating: 0, count: slots)
        layers = model.layout.layers.map { _ in FloatBuffer(count: slots * capacity * 2 * model.keyWidth) }
        scores = (0..<model.team.count).map { _ in FloatBuffer(count: capacity) }
    }

    /// The sequence `ids`, whose keys and values ``store(_:_:_:)`` puts into `slot`.
    func sequence(_ ids: [Int32], slot: Int) -> TokenSequence {
        TokenSequence(ids: ids[...], firstPlace: slot * capacity)
    }

    /// Takes the keys and values of whole prompts.
    func store(_ layer: LayerActivations, _ index: Int, _ prompts: FlatBatch) {
        for (place, row) in prompts.outputs { copy(layer, index, token: row, to: place) }
    }

    /// Lets `slot` begin anew, with `length` positions that are stored or copied.
    func begin(_ slot: Int, length: Int) { lengths[slot] = length }

    /// Copies the first `count` positions of one slot to another.
    func copy(_ count: Int, from source: Int, to slot: Int) {
        guard source != slot else { return }
        for layer in layers {
            (layer.start + slot * capacity * width).update(from: layer.start + source * capacity * width, count: count * width)
        }
    }

    /// Notes that slots have grown by a token, once all layers have stored it.
    func advance(_ slots: [Int]) {
        for slot in slots { lengths[slot] += 1 }
    }

    /// Stores one new token of each of `slots`, and fills `attended` with what their queries see.
    func attend(_ layer: LayerActivations, _ index: Int, slots: [Int]) {
        model.profiler.measure(.attention) { attendAll(layer, index, slots: slots) }
    }

    private func attendAll(_ layer: LayerActivations, _ index: Int, slots: [Int]) {
        for (token, slot) in slots.enumerated() { copy(layer, index, token: token, to: slot * capacity + lengths[slot]) }
        let heads = model.configuration.headCount
        let groupSize = heads / model.configuration.keyValueHeadCount
        let headSize = model.headSize
        let window = model.configuration.slidingWindows[index] ?? .max
        model.team.run(jobs: slots.count * model.configuration.keyValueHeadCount) { [self] thread, job in
            let (token, keyHead) = (job % slots.count, job / slots.count)
            let slot = slots[token]
            let seen = min(lengths[slot] + 1, window)
            let keys = layers[index].start + (slot * capacity + lengths[slot] + 1 - seen) * width + keyHead * headSize
            for head in keyHead * groupSize..<(keyHead + 1) * groupSize {
                swage_attend_one(
                    layer.projected + token * model.projectedWidth + head * headSize, keys,
                    keys + model.keyWidth, layer.attended + token * model.queryWidth + head * headSize,
                    scores[thread].start, seen, width, headSize, 1 / Float(headSize).squareRoot())
            }
        }
    }

    private func copy(_ layer: LayerActivations, _ index: Int, token: Int, to place: Int) {
        let source = layer.projected + token * model.projectedWidth + model.queryWidth
        (layers[index].start + place * width).update(from: source, count: width)
    }
}
