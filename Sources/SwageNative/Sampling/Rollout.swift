import SwageFiles
import Swage

/// Completions in the making: some are written at once, and where one ends the next prompt takes its slot
/// ("continuous batching", Yu et al., 2022, Orca). Prompts that are equal are read once, while one of them has a slot.
struct Rollout {
    /// How many tokens of prompts are read at once.
    private static let readTokens = 2048

    private let model: DecoderModel
    private let workspace: Workspace
    private let prompts: [[Int32]]
    private let onToken: (@Sendable (Int, Int32) -> Void)?
    private let cache: KeyValueCache
    /// The last layer's output at the end of each slot's prompt, `[slots, C]`.
    private let promptEnds: FloatBuffer
    /// How many tokens that are read may follow a prompt.
    private let following: Int
    private var completions: [GrowingCompletion]
    private var slots: [Slot]
    /// Slots that were given back; those that were taken again since then are still among them.
    private var givenBack: [Int]
    /// The slot that was the last to read a prompt, and still holds it.
    private var readers: [[Int32]: Int] = [:]
    private var nextPrompt = 0

    private struct Slot {
        /// The prompt that the slot has read; it stays when the completion has ended, until another takes its place.
        var prompt: Int?
        var isFree = true
    }

    /// - Parameters:
    ///   - prompts: one or more, none of them empty.
    ///   - weightsVersion: that of the model's weights as they are.
    /// - Throws: ``TrainerError`` with code `tooLarge` if there is no memory for the longest completions that may come.
    init(
        _ model: DecoderModel, _ workspace: Workspace, _ prompts: [[Int32]], options: SamplingOptions,
        tokenizer: (any Tokenizer)?, weightsVersion: Int, onToken: (@Sendable (Int, Int32) -> Void)?
    ) throws {
        (self.model, self.workspace, self.prompts, self.onToken) = (model, workspace, prompts, onToken)
        let count = min(options.concurrency, prompts.count)
        let token = MemoryLayout<Int32>.stride + MemoryLayout<Float>.stride
        try MemoryBudget.require(
            bytes: elementCount([prompts.count, options.maxTokens, token]),
            for: "\(prompts.count) completions of up to \(options.maxTokens) tokens")
        let longestPrompt = prompts.map(\.count).max()!
        cache = try KeyValueCache(model, slots: count, prompt: longestPrompt, completion: options.maxTokens)
        // Some frequencies depend on the length, and what is cached has turned by them. The last token is not read.
        following = options.maxTokens - 1
        try model.requirePositions(longestPrompt + following)
        promptEnds = try FloatBuffer(count: count * model.hidden, for: "\(count) prompts")
        slots = Array(repeating: Slot(), count: count)
        givenBack = (0..<count).reversed()
        let stopIDs = Self.stopIDs(options.stopStrings, tokenizer)
        completions = prompts.indices.map {
            GrowingCompletion(
                stream: options.stream(of: $0), options: options, tokenizer: tokenizer, stopIDs: stopIDs,
                weightsVersion: weightsVersion)
        }
    }

    /// The special tokens among the stop strings, which give no text to be found in.
    private static func stopIDs(_ stopStrings: [String], _ tokenizer: (any Tokenizer)?) -> Set<Int32> {
        guard let tokenizer else { return [] }
        return Set(
            stopStrings.compactMap { stop in
                guard let ids = try? tokenizer.encode(stop, addSpecialTokens: false), ids.count == 1,
                    (try? tokenizer.bytes(of: ids[0])) == []
                else { return nil }
                return ids[0]
            })
    }

    /// Writes all of them.
    /// - Throws: `CancellationError`, or ``TrainerError`` with code `nonFinite`.
    mutating func run() throws -> [Completion] {
        while true {
            try admit()
            let active = slots.indices.filter { !slots[$0].isFree }
            if active.isEmpty { return completions.map { $0.completion() } }
            let tokens = FlatBatch(
                nextTokens: active.map { completions[slots[$0].prompt!].tokens.last! },
                positions: active.map { Int32(cache.lengths[$0]) },
                lengths: model.sharesBeginnings ? [] : active.map { prompts[slots[$0].prompt!].count + following })
            let activations = try workspace.activations(for: tokens, keepsLayers: false)
            try model.forward(
                tokens, activations, attend: { index, layer in cache.attend(layer, index, slots: active) },
                checkpoint: { try Task.checkCancellation() })
            cache.advance(active)
            try extend(active, Array(active.indices), from: activations.output)
        }
    }

    /// Gives every free slot to the next prompt, as long as there are any.
    private mutating func admit() throws {
        while true {
            var admitted: [Int] = []
            var unread: [Int] = []
            var copies: [(source: Int, slot: Int)] = []
            while nextPrompt < prompts.count, let slot = freeSlot(for: nextPrompt) {
                let source = hasRead(slot, nextPrompt) ? slot : readers[prompts[nextPrompt]]
                if let source { copies.append((source, slot)) } else { unread.append(slot) }
                take(slot, for: nextPrompt)
                admitted.append(slot)
                nextPrompt += 1
            }
            if admitted.isEmpty { return }
            try read(unread)
            for (source, slot) in copies { copyPrompt(from: source, to: slot) }
            try extend(admitted, admitted, from: promptEnds.start)
        }
    }

    /// A free slot, the one that has read the prompt if that is free: no other prompt may take it before it was copied.
    private mutating func freeSlot(for prompt: Int) -> Int? {
        if let reader = readers[prompts[prompt]], slots[reader].isFree { return reader }
        while let slot = givenBack.popLast() {
            if slots[slot].isFree { return slot }
        }
        return nil
    }

    /// Gives a slot to a prompt, in place of the one that it has held.
    private mutating func take(_ slot: Int, for prompt: Int) {
        if let held = slots[slot].prompt, readers[prompts[held]] == slot { readers[prompts[held]] = nil }
        slots[slot] = Slot(prompt: prompt, isFree: false)
        readers[prompts[prompt]] = slot
    }

    private func hasRead(_ slot: Int, _ prompt: Int) -> Bool {
        slots[slot].prompt.map { prompts[$0] == prompts[prompt] } ?? false
    }

    /// Runs the model over the prompts of `unread`, whose slots then hold their keys and values.
    private func read(_ unread: [Int]) throws {
        let sequences = unread.map { cache.sequence(prompts[slots[$0].prompt!], slot: $0) }
        for part in FlatBatch.slices(sequences, limit: Self.readTokens, sharing: model.sharesBeginnings, following: following) {
            let activations = try workspace.activations(for: part, keepsLayers: false)
            try model.forward(
                part, activations,
                attend: { index, layer in
                    try Attention(model, layer: index, scratch: workspace.attention)
                        .forward(layer, checkpoint: { try Task.checkCancellation() })
                    cache.store(layer, index, part)
                },
                checkpoint: { try Task.checkCancellation() })
            for (place, row) in part.outputs {
                guard let slot = slot(endingAt: place) else { continue }
                end(of: slot).update(from: activations.output + row * model.hidden, count: model.hidden)
            }
        }
        for slot in unread { cache.begin(slot, length: prompts[slots[slot].prompt!].count) }
    }

    /// The slot whose prompt's last token stands at `place` of the cache.
    private func slot(endingAt place: Int) -> Int? {
        let (slot, position) = place.quotientAndRemainder(dividingBy: cache.capacity)
        return position == prompts[slots[slot].prompt!].count - 1 ? slot : nil
    }

    private func copyPrompt(from source: Int, to slot: Int) {
        let count = prompts[slots[slot].prompt!].count
        cache.begin(slot, length: count)
        guard source != slot else { return }
        cache.copy(count, from: source, to: slot)
        end(of: slot).update(from: end(of: source), count: model.hidden)
    }

    private func end(of slot: Int) -> UnsafeMutablePointer<Float> { promptEnds.start + slot * model.hidden }

    /// Chooses the next token of each of the `active` slots from the hidden state in its row of the output.
    private mutating func extend(_ active: [Int], _ outputRows: [Int], from output: UnsafePointer<Float>) throws {
        let head = try OutputHead(model, workspace.head, output: output, rows: outputRows, targets: [])
        let vocabulary = model.configuration.vocabularySize
        _ = try head.forward([], checkpoint: {}) { chunk, logits in
            let writing = chunk.map { completions[slots[active[$0]].prompt!] }
            let choices = model.team.map(chunk.count) { index in
                Result {
                    try writing[index].choose(
                        from: UnsafeBufferPointer(start: logits + index * vocabulary, count: vocabulary))
                }
            }
            for (index, choice) in zip(chunk, choices) {
                let slot = active[index]
                let prompt = slots[slot].prompt!
                let token = try completions[prompt].append(try choice.get())
                if completions[prompt].finishReason != nil {
                    slots[slot].isFree = true
                    givenBack.append(slot)
                }
                onToken?(prompt, token)
            }
        }
    }
}
