import ArgumentParser
import Foundation
import Swage
import Synchronization

struct GenerateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Let a model answer a prompt.",
        discussion: """
            The prompt is put as a user's message in the model's chat format, unless --raw. The text appears as it is \
            written.

              swage generate --model model.gguf --prompt "What is the capital of France?" --temperature 0
            """)

    @OptionGroup(title: "Model") var modelOptions: ModelOptions

    @Option(help: .init("What to answer, or with --raw to continue.", valueName: "text"))
    var prompt: String

    @Option(help: .init("A system message before the prompt.", valueName: "text"))
    var system: String?

    @Flag(name: .customLong("load-in-8bit"), help: "Read the weights in 8 bits: faster, and a little less exact.")
    var loadIn8bit = false

    @Flag(help: "Continue the prompt as plain text, without the chat format.")
    var raw = false

    @Option(help: .init("The most tokens to write.", valueName: "n"))
    var maxTokens = 256

    @Option(help: .init("Divides the logits; 0 always takes the likeliest token.", valueName: "x"))
    var temperature = 0.7

    @Option(help: .init("Draw from the k likeliest tokens only. Default: all.", valueName: "k", visibility: .hidden))
    var topK: Int?

    @Option(help: .init("Draw from the likeliest tokens that together reach this probability.", valueName: "p", visibility: .hidden))
    var topP = 0.95

    @Option(help: .init("The seed of the random choices.", valueName: "n"))
    var seed: UInt64 = 0

    @Option(parsing: .singleValue, help: .init("A text that ends the answer. May be given several times.", valueName: "text"))
    var stop: [String] = []

    @Flag(help: "Print one JSON object with the text, the tokens and their log-probabilities, and nothing else.")
    var json = false

    func validate() throws {
        try modelOptions.validate(EngineUse())
        if modelOptions.engine == .titan, let name = modelOptions.worker.givenToTitan {
            throw ValidationError("--\(name) is for training: titan does not write, and the native engine does in its place.")
        }
    }

    func run() async throws {
        let (sampler, tokenizer) = try await modelOptions.startSampler(inEightBits: loadIn8bit)
        let plain = raw ? try PlainPrompt(prompt, tokenizer) : nil
        let (ids, begun) = (try plain?.ids ?? chatIDs(tokenizer), plain?.begun ?? "")
        try checkStops(begun)
        let stream = json ? nil : StreamPrinter(CompletionText(tokenizer, stopStrings: stop, after: begun))
        let options = SamplingOptions(
            maxTokens: maxTokens, temperature: temperature, topK: topK, topP: topP, seed: seed, stopStrings: stop,
            firstTokens: plain?.firstTokens)
        let start = ContinuousClock.now
        let completion = try await complete(ids, sampler, options, stream)
        let seconds = start.duration(to: .now) / .seconds(1)
        let rate = Double(completion.tokens.count) / seconds
        if json {
            try printAsJSON([
                "text": try tokenizer.text(of: completion, stopStrings: stop, after: begun),
                "tokens": completion.tokens.map { Int($0) }, "logProbs": completion.logProbs.map { Double($0) },
                "finishReason": completion.finishReason.rawValue, "tokensPerSecond": rate,
            ])
        } else {
            try stream?.finish()
            writeToStandardError(
                "\(ids.count) tokens read, \(completion.tokens.count) written, \(fixed(rate, 1)) tokens/s\n")
        }
    }

    /// Writes to the end, to an interrupt, or to what can be printed no more.
    private func complete(
        _ ids: [Int32], _ sampler: any Sampler, _ options: SamplingOptions, _ stream: StreamPrinter?
    ) async throws -> Completion {
        let writing = Task {
            try await sampler.generate([ids], options: options) { _, token in stream?.append(token) }[0]
        }
        let watching = Task { if let stream { for await _ in stream.failures { writing.cancel() } } }
        defer { watching.cancel() }
        do {
            return try await withTaskCancellationHandler {
                try await writing.value
            } onCancel: {
                writing.cancel()
            }
        } catch let error as CancellationError {
            try stream?.finish()
            throw error
        }
    }

    /// What the model writes again of the prompt's end must not end it.
    private func checkStops(_ begun: String) throws {
        guard !begun.isEmpty, let stop = stop.first(where: { $0.utf8.starts(with: begun.utf8) }) else { return }
        throw UsageError(
            "--stop \"\(stop)\" begins with the white space that ends --prompt, and that the model writes together with its first word",
            expected: "a prompt without white space at its end")
    }

    private func chatIDs(_ tokenizer: any Tokenizer) throws -> [Int32] {
        let system = system.map { [ChatMessage(role: "system", content: $0)] } ?? []
        return try tokenizer.encode(
            chat: system + [ChatMessage(role: "user", content: prompt)], addGenerationPrompt: true
        ).ids
    }
}

/// Prints text token by token, up to the first piece that cannot be printed.
private final class StreamPrinter: Sendable {
    private struct State {
        var decoder: CompletionText
        var failure: (any Error)?
    }

    /// Told when a piece cannot be printed.
    let failures: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation
    private let state: Mutex<State>

    init(_ text: CompletionText) {
        state = Mutex(State(decoder: text))
        (failures, signal) = AsyncStream.makeStream()
    }

    func append(_ token: Int32) { write { (try? $0.append(token)) ?? "" } }

    /// Prints the rest.
    /// - Throws: what kept a piece from being printed.
    func finish() throws {
        write { $0.finish() + "\n" }
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    private func write(_ piece: (inout CompletionText) -> String) {
        state.withLock { state in
            guard state.failure == nil else { return }
            do {
                try writeToStandardOutput(piece(&state.decoder))
            } catch {
                state.failure = error
                signal.yield()
            }
        }
    }
}
