public import Swage
import SwageFiles

/// Lets a model write, on the CPU, with a key/value cache.
public struct NativeSampler: Sampler {
    let engine: NativeEngine
    public let sharesWeights: Bool

    /// Writes with the weights of a trainer's engine.
    init(sharing engine: NativeEngine) { (self.engine, sharesWeights) = (engine, true) }

    /// In what form a sampler reads the model's matrices.
    public enum Weights: Sendable {
        /// 4 bytes a weight, as a trainer holds them.
        case float32
        /// 8 bits, with a float32 scale for each run of 64: several times the speed where a few completions are written
        /// at once, for log-probabilities that differ in the second decimal. Prompts are read in float32.
        case eightBit
    }

    /// Opens a model for sampling alone. To sample from a model in training, take ``NativeTrainer/sampler``.
    ///
    /// - Parameters:
    ///   - model: a GGUF file, or a folder in Hugging Face's layout.
    ///   - weights: in what form the model's matrices are read.
    ///   - chatTemplate: the name of a chat template (`chatml`, `llama3`, `qwen3`), a file, or a Jinja template, instead of the model's.
    ///   - threads: how many threads share the work; nil for one a core.
    ///   - matrixLibrary: what multiplies matrices.
    /// - Throws: ``Swage/TrainerError`` if the model cannot be read, or a library that was named not be loaded.
    public init(
        model: String, weights: Weights = .float32, chatTemplate: String? = nil, threads: Int? = nil,
        matrixLibrary: MatrixLibrary = .automatic
    ) async throws {
        engine = try NativeEngine(
            try ModelFiles.open(model, chatTemplate: chatTemplate), threads: threads,
            inEightBits: weights == .eightBit, matrixLibrary: matrixLibrary)
        sharesWeights = false
    }

    /// What the model's files hold and this engine does not read, in a sentence; nil if it reads all.
    package var unreadTensors: String? { get throws { try engine.files.unreadSummary } }

    /// How many bytes of weights are read for each token that is written alone.
    package var weightBytes: Int { get async { await engine.weightBytes } }

    /// Where the weights lie, for those who ask whether two have the same.
    package var weightsAddress: Int { get async { await engine.weightsAddress } }

    public func generate(
        _ prompts: [[Int32]], options: SamplingOptions, onToken: (@Sendable (Int, Int32) -> Void)?
    ) async throws -> [Completion] {
        try await engine.turns.pass { try await engine.generate(prompts, options: options, onToken: onToken) }
    }

    public func updateWeights(from checkpoint: String, version: Int) async throws {
        guard !sharesWeights else { return }
        try await engine.turns.pass { try await engine.updateWeights(from: checkpoint, version: version) }
    }

    /// The tokenizer of the model.
    /// - Throws: ``Swage/TrainerError`` if it is of a kind that is not known.
    public func tokenizer() throws -> any Tokenizer { try engine.files.tokenizer.get() }
}
