#if Engines
import Foundation
import Swage
import SwageNative
import SwageWorkers
import TestEngines
import TestSupport
import Testing

extension WorkerTests {
    @Suite(.serialized, .enabled(if: WorkerEnvironment("titan").isInstalled)) struct TitanTests {
        private static func trainer(
            _ model: String = TinyModel.path, _ configure: (inout TitanTrainer.Options) -> Void
        ) async throws -> TitanTrainer {
            var options = TitanTrainer.Options()
            options.threads = 1
            configure(&options)
            return try await TitanTrainer(model: model, optimizer: TinyModel.optimizer, options: options)
        }

        private static func step(_ trainer: any Trainer, _ batch: TextTrainBatch) async throws -> OptimStepResult {
            _ = try await trainer.forwardBackward(batch)
            return try await trainer.optimStep()
        }

        /// Two hosts on this machine, one rank on each, over TCP.
        @Test func twoHostsTrainAsOneMachineDoes() async throws {
            let ports = try (0..<2).map { _ in try Self.freePort() }
            let hosts = [
                try await MeshHost(at: "tcp://127.0.0.1:\(ports[0])"), try await MeshHost(at: "tcp://127.0.0.1:\(ports[1])"),
            ]
            let titan = try await Self.trainer {
                $0.degrees.shard = 2
                $0.hosts = ports.map { "tcp://127.0.0.1:\($0)" }
            }
            let native = try await TinyModel.trainer()
            for _ in 0..<3 {
                let (found, expected) = (try await Self.step(titan, TinyModel.batch), try await Self.step(native, TinyModel.batch))
                #expect(abs(found.gradientNorm - expected.gradientNorm) < 1e-4 * expected.gradientNorm, "\(found), \(expected)")
            }
            #expect(try await titan.config().parallelism.worldSize == 2)
            withExtendedLifetime(hosts) {}
        }

        @Test(arguments: ["llama3_tied", "qwen2", "qwen3", "mistral"])
        func everyFamilyStepsAsOnTheNativeEngine(_ family: String) async throws {
            let model = Golden.decoder(family)
            let titan = try await Self.trainer(model) { $0.degrees.shard = 2 }
            let native = try await NativeTrainer(model: model, optimizer: TinyModel.optimizer, threads: 1)
            let golden = try GoldenTensors(model + "/golden.safetensors")
            for index in 0..<3 {
                let batch = try golden.batch(index % 2)
                let (found, expected) = (try await Self.step(titan, batch), try await Self.step(native, batch))
                #expect(
                    abs(found.gradientNorm - expected.gradientNorm) < 1e-4 * expected.gradientNorm,
                    "step \(index): \(found), \(expected)")
            }
        }

        @Test func eitherEngineGoesOnFromTheOthersCheckpoint() async throws {
            try await withTemporaryDirectory { directory in
                let (titan, native) = (try await Self.trainer { $0.degrees.shard = 2 }, try await TinyModel.trainer())
                for (writer, reader) in [(titan as any Trainer, native as any Trainer), (native, titan)] {
                    _ = try await Self.step(writer, TinyModel.batch)
                    _ = try await writer.forwardBackward(TinyModel.batch)
                    let saved = try await writer.save(path: directory + "/exchanged")
                    _ = try await reader.load(saved.path)
                    let norms = [try await writer.optimStep().gradientNorm, try await reader.optimStep().gradientNorm]
                    #expect(abs(norms[0] - norms[1]) < 1e-4 * norms[0], "\(norms)")
                    let losses = [
                        try await writer.forwardBackward(TinyModel.batch).loss, try await reader.forwardBackward(TinyModel.batch).loss,
                    ]
                    #expect(abs(losses[0] - losses[1]) < 1e-4 * losses[0], "\(losses)")
                    for trainer in [writer, reader] { try await trainer.clearGradients() }
                }
            }
        }

        /// TorchTitan's own attention of GPUs has a forward pass here, and packed sequences keep apart in it.
        @Test func flexAttentionSeesWhatOursSees() async throws {
            let titan = try await Self.trainer { $0.attention = "flex" }
            let native = try await TinyModel.trainer()
            var random = RandomNumbers(seed: 4)
            let inputs = ForwardInputs(
                inputIDs: try Tensor(random.tokens(24, below: 300), shape: [2, 12]),
                targetIDs: try Tensor(random.tokens(24, below: 300), shape: [2, 12]),
                segmentIDs: try Tensor(rows: [(0..<12).map { $0 < 5 ? 1 : 2 }, (0..<12).map { $0 < 9 ? 0 : 3 }]),
                outputs: [.logProbs])
            let (found, expected) = (try await titan.forward(inputs), try await native.forward(inputs))
            let difference = relativeDifference(found.logProbs!.scalars, expected.logProbs!.scalars)
            #expect(difference < 1e-4, "the log-probabilities differ by \(difference)")
            let error = await #expect(throws: TrainerError.self) { _ = try await titan.forwardBackward(TinyModel.batch) }
            #expect(error?.code == .unsupported)
        }

        @Test(.disabled(if: FileManager.default.fileExists(atPath: "/dev/nvidia0")))
        func varlenAttentionSaysThatItNeedsAGPU() async throws {
            let error = await #expect(throws: TrainerError.self) { _ = try await Self.trainer { $0.attention = "varlen" } }
            #expect(error?.description.contains("varlen attention needs a GPU") == true, "\(String(describing: error))")
        }

        @Test func whatCannotBeDividedIsSaidBeforeWorkStarts() async throws {
            for (model, configure, word): (String, (inout TitanTrainer.Options) -> Void, String) in [
                ("llama", { $0.degrees.tensor = 3 }, "num_attention_heads"),
                ("llama3_tied", { $0.degrees.pipeline = 2 }, "embedding"),
                ("llama", { $0.degrees.shard = 0 }, "shard"), ("llama", { $0.attention = "quick" }, "quick"),
            ] {
                let error = await #expect(throws: TrainerError.self) { _ = try await Self.trainer(Golden.decoder(model), configure) }
                #expect(error?.description.contains(word) == true, "\(String(describing: error))")
            }
        }

        /// TMPDIR does not move it.
        @Test func monarchsOwnLogIsGoneOnceTheRanksAreUp() async throws {
            let titan = try await Self.trainer { $0.degrees.shard = 2 }
            let log = "/tmp/\(NSUserName())/monarch_log_swage_\(await titan.worker.processIdentifier).log"
            #expect(!FileManager.default.fileExists(atPath: log), "\(log) is there")
        }

        private static func freePort() throws -> UInt16 {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let bound = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
                }
            }
            try #require(bound)
            return UInt16(bigEndian: address.sin_port)
        }
    }
}
#endif
