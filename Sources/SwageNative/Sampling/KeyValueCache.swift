import SwageFiles
import CSwageKernels
import Swage

/// The keys and values of sequences that grow token by token, each in a slot that the next one takes over.
final class KeyValueCache {
    /// How many positions of each slot are filled.
    private(set) var lengths: [Int]
    /// How many positions a slot has room for, in whole panels.
    let capacity: Int
    private let model: DecoderModel
    /// Keys in panels, as products read them, `[slots, K, panels, D, 32]`, one buffer a layer.
    private let keys: [FloatBuffer]
    /// `[slots, K, capacity, D]`, one buffer a layer.
    private let values: [FloatBuffer]
    /// What the queries that share a key give it, `[H / K, capacity]`, and the logarithms of their sums, for each thread.
    private let scores: [FloatBuffer]

    private var keyHeads: Int { model.configuration.keyValueHeadCount }
    private var groupSize: Int { model.configuration.headCount / keyHeads }
    private var headSize: Int { model.headSize }

    /// - Parameters:
    ///   - prompt: how many positions a slot's prompt may have.
    ///   - completion: how many may follow it.
    /// - Throws: ``TrainerError`` with code `tooLarge` if there is no memory for all of them.
    init(_ model: DecoderModel, slots: Int, prompt: Int, completion: Int) throws {
        let purpose = "the keys and values of \(slots) completions of up to \(completion) tokens after \(prompt)"
        let (positions, overflow) = prompt.addingReportingOverflow(completion)
        let panels = overflow ? .max : positions / Panel.columns + 1
        let all = elementCount([2, model.layout.layers.count, slots, panels, Panel.columns, model.keyWidth, MemoryLayout<Float>.stride])
        try MemoryBudget.require(bytes: all, for: purpose)
        let capacity = Panel.count(positions) * Panel.columns
        let count = slots * capacity * model.keyWidth
        self.model = model
        self.capacity = capacity
        lengths = Array(repeating: 0, count: slots)
        keys = try model.layout.layers.map { _ in try FloatBuffer(count: count, for: purpose) }
        values = try model.layout.layers.map { _ in try FloatBuffer(count: count, for: purpose) }
        let scoreCount = (capacity + 1) * model.configuration.headCount / model.configuration.keyValueHeadCount
        scores = try (0..<model.team.count).map { _ in try FloatBuffer(count: scoreCount, for: purpose) }
    }

    /// The sequence `ids`, whose keys and values ``store(_:_:_:)`` puts into `slot`.
    func sequence(_ ids: [Int32], slot: Int) -> TokenSequence {
        TokenSequence(ids: ids[...], firstPlace: slot * capacity)
    }

    /// Takes the keys and values of whole prompts.
    func store(_ layer: LayerActivations, _ index: Int, _ prompts: FlatBatch) {
        model.team.split(prompts.outputs.count) { [self] _, part in
            for (place, row) in prompts.outputs[part] {
                for head in 0..<keyHeads { store(layer, index, token: row, head: head, at: place) }
            }
        }
    }

    /// Lets `slot` begin anew, with `length` positions that are stored or copied.
    func begin(_ slot: Int, length: Int) { lengths[slot] = length }

    /// Copies the first `count` positions of one slot to another.
    func copy(_ count: Int, from source: Int, to slot: Int) {
        guard source != slot else { return }
        for head in 0..<keyHeads {
            let (from, to) = (start(of: source, head), start(of: slot, head))
            for layer in keys {
                (layer.start + to).update(from: layer.start + from, count: Panel.count(count) * Panel.columns * headSize)
            }
            for layer in values { (layer.start + to).update(from: layer.start + from, count: count * headSize) }
        }
    }

    /// Notes that slots have grown by a token, once all layers have stored it.
    func advance(_ slots: [Int]) {
        for slot in slots { lengths[slot] += 1 }
    }

    /// Stores one new token of each of `slots`, and fills `attended` with what their queries see.
    func attend(_ layer: LayerActivations, _ index: Int, slots: [Int]) {
        model.profiler.measure(.attention) {
            let window = model.configuration.layers[index].window ?? .max
            let seen = slots.map { SeenKeys(length: lengths[$0] + 1, window: window, queries: groupSize) }
            model.team.run(jobs: slots.count * keyHeads) { [self] thread, job in
                let (token, head) = (job % slots.count, job / slots.count)
                store(layer, index, token: token, head: head, at: slots[token] * capacity + lengths[slots[token]])
                attend(layer, index, token: token, head: head, slot: slots[token], seen[token], scores[thread].start)
            }
        }
    }

    private func attend(
        _ layer: LayerActivations, _ index: Int, token: Int, head: Int, slot: Int, _ seen: SeenKeys,
        _ scores: UnsafeMutablePointer<Float>
    ) {
        let begin = start(of: slot, head) + seen.firstColumn * headSize
        let queries = layer.projected + token * model.projectedWidth + head * groupSize * headSize
        let attended = layer.attended + token * model.queryWidth + head * groupSize * headSize
        // They come from memory while the keys are multiplied.
        swage_memory_prefetch(values[index].start + begin, Int(seen.last[0]) * headSize)
        swage_panel_product(
            groupSize, seen.columns / Panel.columns, headSize, queries, headSize, keys[index].start + begin, scores,
            seen.columns)
        let (scale, cap) = (model.configuration.attentionScale, Float(model.configuration.scales.attentionCap))
        if cap != 0 { swage_soft_cap(scores, groupSize * seen.columns, scale, cap) }
        let logSumExp = scores + groupSize * seen.columns
        if let sinks = model.layout.layers[index].sinks {
            for query in 0..<groupSize {
                swage_softmax_forward_sink(
                    scores + query * seen.columns, 1, seen.columns, seen.first, seen.last, scale,
                    model.parameters.start[sinks + head * groupSize + query], logSumExp + query, 1)
            }
        } else {
            swage_softmax_forward(scores, groupSize, seen.columns, seen.first, seen.last, cap == 0 ? scale : 1, logSumExp, 1)
        }
        swage_block_product(
            groupSize, headSize, Int(seen.last[0]), scores, seen.columns, 1, values[index].start + begin, headSize,
            attended, headSize, false)
    }

    private func store(_ layer: LayerActivations, _ index: Int, token: Int, head: Int, at place: Int) {
        let (slot, position) = place.quotientAndRemainder(dividingBy: capacity)
        let (panel, column) = position.quotientAndRemainder(dividingBy: Panel.columns)
        let key = layer.projected + token * model.projectedWidth + model.queryWidth + head * headSize
        let begin = start(of: slot, head)
        let target = keys[index].start + begin + panel * Panel.columns * headSize + column
        for element in 0..<headSize { target[element * Panel.columns] = key[element] }
        (values[index].start + begin + position * headSize).update(from: key + model.keyWidth, count: headSize)
    }

    /// Where a head of a slot begins in the keys and the values of a layer.
    private func start(of slot: Int, _ head: Int) -> Int { (slot * keyHeads + head) * capacity * headSize }
}

/// The columns of a slot that a new token's queries see, from the panel on that holds the first of them.
private struct SeenKeys {
    let firstColumn: Int
    let columns: Int
    /// The same for each query.
    let first: [Int32]
    let last: [Int32]

    /// - Parameter length: how many tokens the slot has, the new one included.
    init(length: Int, window: Int, queries: Int) {
        let firstSeen = max(0, length - window)
        firstColumn = firstSeen / Panel.columns * Panel.columns
        columns = Panel.count(length - firstColumn) * Panel.columns
        first = Array(repeating: Int32(firstSeen - firstColumn), count: queries)
        last = Array(repeating: Int32(length - firstColumn), count: queries)
    }
}
