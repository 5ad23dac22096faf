import Swage

extension NativeEngine {
    func generate(
        _ prompts: [[Int32]], options: SamplingOptions, onToken: (@Sendable (Int, Int32) -> Void)?
    ) throws -> [Completion] {
        try call { try complete(prompts, options: options, onToken: onToken) }
    }

    private func complete(
        _ prompts: [[Int32]], options: SamplingOptions, onToken: (@Sendable (Int, Int32) -> Void)?
    ) throws -> [Completion] {
        try options.validate()
        try validate(prompts)
        guard !prompts.isEmpty else { return [] }
        let cache = KeyValueCache(model, capacities: prompts.map { $0.count + options.maxTokens })
        // Without a tokenizer a completion can still end by its length.
        let tokenizer = options.stopStrings.isEmpty ? try? files.tokenizer.get() : try files.tokenizer.get()
        var rows = prompts.indices.map { SamplingRow(index: $0, options: options, tokenizer: tokenizer) }

        let promptTokens = FlatBatch(prompts)
        let activations = workspace.activations(for: promptTokens, keepsLayers: false)
        try model.forward(
            promptTokens, activations,
            attend: { index, layer in
                Attention(model, layer: index, scratch: workspace.attention).forward(layer)
                cache.store(layer, index, segments: promptTokens.segments)
            },
            checkpoint: { try Task.checkCancellation() })
        cache.advance(Array(prompts.indices), by: prompts.map(\.count))
        try extend(&rows, Array(prompts.indices), promptTokens.segments.map { $0.upperBound - 1 }, activations, onToken)

        while true {
            let active = rows.indices.filter { rows[$0].finishReason == nil }
            if active.isEmpty { return rows.map { $0.completion() } }
            let tokens = FlatBatch(
                nextTokens: active.map { rows[$0].tokens.last! }, positions: active.map { Int32(cache.lengths[$0]) })
            let activations = workspace.activations(for: tokens, keepsLayers: false)
            try model.forward(
                tokens, activations, attend: { index, layer in cache.attend(layer, index, rows: active) },
                checkpoint: { try Task.checkCancellation() })
            cache.advance(active, by: active.map { _ in 1 })
            try extend(&rows, active, Array(active.indices), activations, onToken)
        }
    }

    /// Chooses the next token of each of the `active` rows from the hidden state in its row of the output.
    private func extend(
        _ rows: inout [SamplingRow], _ active: [Int], _ outputRows: [Int], _ activations: Activations,
        _ onToken: (@Sendable (Int, Int32) -> Void)?
    ) throws {
        let head = OutputHead(
            model, workspace.head, output: activations.output, rows: outputRows, targets: [])
        let vocabulary = vocabularySize
        _ = try head.forward([], checkpoint: {}) { chunk, logits in
            let writing = chunk.map { rows[active[$0]] }
            let choices = model.team.map(chunk.count) { index in
                Result {
                    try writing[index].choose(
                        from: UnsafeBufferPointer(start: logits + index * vocabulary, count: vocabulary))
                }
            }
            for (index, choice) in zip(chunk, choices) {
                let token = try rows[active[index]].append(try choice.get())
                onToken?(active[index], token)
            }
        }
    }

    private func validate(_ prompts: [[Int32]]) throws {
        for (index, prompt) in prompts.enumerated() {
            guard !prompt.isEmpty else {
                throw TrainerError(.invalidBatch, "prompt \(index) is empty", expected: "at least one token")
            }
            if let position = prompt.firstIndex(where: { $0 < 0 || Int($0) >= vocabularySize }) {
                throw TrainerError(
                    .tokenOutOfRange, "prompts[\(index)][\(position)] is \(prompt[position])",
                    expected: "a token id in 0..<\(vocabularySize)")
            }
        }
    }
}

/// One completion while it grows.
private struct SamplingRow {
    private(set) var tokens: [Int32] = []
    private(set) var finishReason: Completion.FinishReason?
    private var logProbs: [Float] = []
    private var text = ""
    private var decoder: StreamingDecoder?
    private var generator: SeededGenerator
    private let options: SamplingOptions
    private let endOfSequenceIDs: [Int32]

    init(index: Int, options: SamplingOptions, tokenizer: (any Tokenizer)?) {
        self.options = options
        decoder = options.stopStrings.isEmpty ? nil : tokenizer.map(StreamingDecoder.init)
        generator = SeededGenerator(seed: options.seed, stream: UInt64(index) + 1)
        endOfSequenceIDs = tokenizer?.endOfSequenceIDs ?? []
    }

    /// Draws the next token, and says what the generator is after that.
    func choose(from logits: UnsafeBufferPointer<Float>) throws -> (choice: TokenChoice, generator: SeededGenerator) {
        var generator = generator
        return (try TokenChoice(logits, options: options, using: &generator), generator)
    }

    mutating func append(_ drawn: (choice: TokenChoice, generator: SeededGenerator)) throws -> Int32 {
        let choice = drawn.choice
        generator = drawn.generator
        tokens.append(choice.token)
        logProbs.append(choice.logProb)
        if endOfSequenceIDs.contains(choice.token) {
            finishReason = .endOfSequence
        } else {
            text += try decoder?.append(choice.token) ?? ""
            if options.stopStrings.contains(where: { text.contains($0) }) {
                finishReason = .stopString
            } else if tokens.count == options.maxTokens {
                finishReason = .length
            }
        }
        return choice.token
    }

    func completion() -> Completion {
        Completion(tokens: tokens, logProbs: logProbs, finishReason: finishReason ?? .length)
    }
}
