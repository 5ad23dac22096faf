#if Engines
import Foundation
public import Swage
import SwageFiles
import SwageText

/// Any causal model of Hugging Face's transformers, trained by PyTorch in a worker process that lives as long as this
/// trainer does.
public final class HuggingFaceTrainer: WorkerTrainer {
    /// What the worker computes on and with, and what of the model it trains.
    public struct Options: Sendable, Encodable {
        /// `cpu`, `cuda`, …; nil for a GPU where there is one.
        public var device: String?
        /// torch's name of the weights' type.
        public var dtype = "float32"
        /// transformers' name of the attention implementation; nil for its choice, which is `sdpa` for a model that it can compute so.
        public var attention: String?
        /// How many threads the worker uses; nil for torch's choice.
        public var threads: Int?
        /// What to train instead of the weights; nil for the weights.
        public var lora: LoRAOptions?

        /// All weights are trained, in float32, on a GPU where there is one.
        public init() {}
    }

    /// The model in its worker process. One that has died is started again by `load`, and by no other call.
    public let worker: Worker
    public let ownTokenizer: Result<any Tokenizer, TrainerError>

    /// Lets this trainer's model write, by transformers' `generate`. Nothing is copied.
    public var sampler: WorkerSampler { WorkerSampler(self) }

    /// Starts a worker and opens a model in it.
    ///
    /// - Parameters:
    ///   - model: a GGUF file, or a folder in Hugging Face's layout.
    ///   - optimizer: how parameters follow their gradients.
    ///   - loss: the loss of calls that name none.
    ///   - checkpointDirectory: the default place of checkpoints.
    ///   - keptCheckpoints: how many of the checkpoints that `save()` has numbered stay there; nil for all.
    ///   - chatTemplate: the name of a chat template (`chatml`, `llama3`, `qwen3`), a file, or a Jinja template, instead of the model's.
    ///   - options: what the worker computes on and with, and what of the model it trains.
    ///   - environment: the Python that the worker runs in; by default what `swage setup huggingface` has installed.
    ///   - log: told what the worker writes to its standard error.
    /// - Throws: ``Swage/TrainerError`` with code `missingDependency` if the engine is not installed, or `engineFailed`.
    public init(
        model: String, optimizer: OptimizerOptions = .init(), loss: LossFunction = .crossEntropy,
        checkpointDirectory: String = "swage-checkpoints", keptCheckpoints: Int? = nil, chatTemplate: String? = nil,
        options: Options = .init(), environment: WorkerEnvironment = .init("huggingface"),
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws {
        try optimizer.validate()
        try options.lora?.validate()
        let opened = try ForeignModel(model, chatTemplate: chatTemplate)
        ownTokenizer = opened.tokenizer
        worker = try await Worker(environment, model: opened, log: log) {
            try WorkerOptions(
                $0, model: opened, optimizer: optimizer, loss: loss, checkpointDirectory: checkpointDirectory,
                keptCheckpoints: keptCheckpoints
            ).joined(with: options)
        }
    }
}

/// Low-rank adapters beside frozen weights (Hu et al., LoRA, 2021), by peft.
public struct LoRAOptions: Sendable, Encodable {
    /// The rank of the adapters.
    public var rank: Int
    /// Adapters count `alpha / rank` times.
    public var alpha: Double
    /// The probability with which an adapter's inputs are dropped in training.
    public var dropout: Double
    /// The names of the modules that get one; `all-linear` for all but the output head.
    public var targetModules: [String]

    /// By default adapters of rank 16 that count twice, without dropout, for all linear modules but the output head. The
    /// numbers are checked when a trainer is made.
    public init(rank: Int = 16, alpha: Double = 32, dropout: Double = 0, targetModules: [String] = ["all-linear"]) {
        (self.rank, self.alpha, self.dropout, self.targetModules) = (rank, alpha, dropout, targetModules)
    }

    func validate() throws {
        guard rank > 0 else { throw TrainerError(.invalidOption, "the rank of LoRA is \(rank)", expected: "1 or more") }
        guard alpha > 0 else { throw TrainerError(.invalidOption, "LoRA's alpha is \(alpha)", expected: "a number above 0") }
        guard (0..<1).contains(dropout) else {
            throw TrainerError(.invalidOption, "LoRA's dropout is \(dropout)", expected: "a number from 0 to below 1")
        }
    }
}
#endif
