import Swage
import SwageFiles

/// Lets a model write, on the CPU, with a key/value cache.
public struct NativeSampler: Sampler {
    let engine: NativeEngine

    init(engine: NativeEngine) { self.engine = engine }

    /// Opens a model for sampling alone. To sample from a model in training, take ``NativeTrainer/sampler``.
    ///
    /// - Parameters:
    ///   - model: a GGUF file, or a folder in Hugging Face's layout.
    ///   - chatTemplate: the name of a chat format (`chatml`, `llama3`) or a Jinja template, instead of the model's.
    ///   - threads: how many threads share the work; nil for one a core.
    /// - Throws: ``Swage/TrainerError`` if the model cannot be read, or no CBLAS is there.
    public init(model: String, chatTemplate: String? = nil, threads: Int? = nil) async throws {
        engine = try await NativeTrainer(model: model, chatTemplate: chatTemplate, threads: threads).engine
    }

    public func generate(
        _ prompts: [[Int32]], options: SamplingOptions, onToken: (@Sendable (Int, Int32) -> Void)?
    ) async throws -> [Completion] {
        try await engine.generate(prompts, options: options, onToken: onToken)
    }

    /// The tokenizer of the model.
    /// - Throws: ``Swage/TrainerError`` if it is of a kind that is not known.
    public func tokenizer() throws -> any Tokenizer { try engine.files.tokenizer.get() }
}
