#if Engines
import Foundation
public import Swage
import SwageFiles
import SwageText

/// TorchTitan on a Monarch mesh: one model over many processes and machines, started by a worker that lives as long as
/// this trainer does.
public final class TitanTrainer: WorkerTrainer {
    /// How many ways each dimension of the work is divided. There are as many ranks as their product.
    public struct Degrees: Sendable, Encodable {
        /// Ranks that each hold all weights, and divide the batch.
        public var replicate = 1
        /// Ranks that divide the weights and the batch (FSDP2; with `replicate`, HSDP).
        public var shard = 1
        /// Ranks that divide each matrix.
        public var tensor = 1
        /// Ranks that divide the positions of a sequence.
        public var context = 1
        /// Ranks that divide the layers.
        public var pipeline = 1

        /// 1 of each: one rank that does all of the work.
        public init() {}
    }

    /// How the work is divided and computed, and on which machines.
    public struct Options: Sendable {
        /// How the work is divided; by default not at all. There are as many ranks on each of ``hosts`` as on any other.
        public var degrees = Degrees()
        /// Where a ``MeshHost`` listens on each machine (`tcp://host:port`); none for this machine alone.
        public var hosts: [String] = []
        /// Where those find this machine, if not by its host name (`tcp://host:port`).
        public var meshAddress: String?
        /// The most tokens of a sequence.
        public var maxSequenceLength = 8192
        /// torch's name of the type that weights are computed in; they are kept as float32.
        public var dtype = "float32"
        /// `sdpa`, or TorchTitan's `flex` and `varlen` on GPUs.
        public var attention = "sdpa"
        /// How many threads each rank uses; nil for torch's choice.
        public var threads: Int?

        /// One rank on this machine, in float32.
        public init() {}
    }

    private struct Encoded: Encodable {
        let parallelism: Degrees
        let hosts: [String]
        let meshAddress: String?
        let sequenceLength: Int
        let dtype: String
        let attention: String
        let threads: Int?
    }

    /// The model in its worker process, which leads the mesh. One that has died is started again by `load`, and by no other call.
    public let worker: Worker
    public let ownTokenizer: Result<any Tokenizer, TrainerError>

    /// Starts a mesh and opens a model on it.
    ///
    /// - Parameters:
    ///   - model: a GGUF file, or a folder in Hugging Face's layout.
    ///   - optimizer: how parameters follow their gradients.
    ///   - loss: the loss of calls that name none.
    ///   - checkpointDirectory: the default place of checkpoints, a folder that all hosts see.
    ///   - keptCheckpoints: how many of the checkpoints that `save()` has numbered stay there; nil for all.
    ///   - chatTemplate: the name of a chat template (`chatml`, `llama3`, `qwen3`), a file, or a Jinja template, instead of the model's.
    ///   - options: how the work is divided and computed, and on which machines.
    ///   - environment: the Python that the workers of this machine run in; by default what `swage setup titan` has installed.
    ///   - log: told what the workers write to their standard error.
    /// - Throws: ``Swage/TrainerError`` with code `missingDependency` if the engine is not installed, `invalidOption`,
    ///   or `engineFailed`.
    public init(
        model: String, optimizer: OptimizerOptions = .init(), loss: LossFunction = .crossEntropy,
        checkpointDirectory: String = "swage-checkpoints", keptCheckpoints: Int? = nil, chatTemplate: String? = nil,
        options: Options = .init(), environment: WorkerEnvironment = .init("titan"),
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws {
        try optimizer.validate()
        let opened = try ForeignModel(model, chatTemplate: chatTemplate)
        try options.degrees.validate()
        ownTokenizer = opened.tokenizer
        let encoded = Encoded(
            parallelism: options.degrees, hosts: options.hosts, meshAddress: options.meshAddress,
            sequenceLength: options.maxSequenceLength, dtype: options.dtype, attention: options.attention, threads: options.threads)
        worker = try await Worker(environment, model: opened, log: log) {
            try WorkerOptions(
                $0, model: opened, optimizer: optimizer, loss: loss, checkpointDirectory: checkpointDirectory,
                keptCheckpoints: keptCheckpoints
            ).joined(with: encoded)
        }
    }
}

extension TitanTrainer.Degrees {
    fileprivate func validate() throws {
        for (name, degree) in [
            ("replicate", replicate), ("shard", shard), ("tensor", tensor), ("context", context), ("pipeline", pipeline),
        ] where degree < 1 {
            throw TrainerError(.invalidOption, "the degree of \(name) parallelism is \(degree)", expected: "1 or more")
        }
    }
}
#endif
