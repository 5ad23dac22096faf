#if Engines
import Foundation
import Swage
import SwageWorkers
import TestSupport
import Testing

extension WorkerTests {
    /// Models that transformers knows and no other engine here does.
    @Suite(.serialized, .enabled(if: WorkerEnvironment("huggingface").isInstalled)) struct HuggingFaceModelsTests {
        /// A small one of random weights, made by a line of Python that gives `model`.
        private static func model(_ line: String, in directory: String) throws -> String {
            let path = directory + "/model"
            let process = Process()
            process.executableURL = URL(fileURLWithPath: WorkerEnvironment("huggingface").python)
            process.arguments = [
                "-c", "import sys, torch, transformers as t\ntorch.manual_seed(0)\n\(line)\nmodel.save_pretrained(sys.argv[1])", path,
            ]
            process.standardError = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            return path
        }

        private static func batch() throws -> TextTrainBatch {
            let tokens = (0..<12).map { Int32(3 + 7 * $0 % 31) }
            return TextTrainBatch(
                inputIDs: try Tensor(tokens, shape: [2, 6]), targetIDs: try Tensor(tokens.map { $0 + 1 }, shape: [2, 6]))
        }

        @Test func aModelThatLetsOneSequenceOfARowSeeAnotherRefusesThem() async throws {
            try await withTemporaryDirectory { directory in
                let model = try Self.model(
                    "model = t.MambaForCausalLM(t.MambaConfig(vocab_size=50, hidden_size=16, num_hidden_layers=2, state_size=4))", in: directory)
                let trainer = try await HuggingFaceTrainer(model: model)
                var batch = try Self.batch()
                _ = try await trainer.forwardBackward(batch)
                batch.segmentIDs = try Tensor([0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1], shape: [2, 6])
                let error = await #expect(throws: TrainerError.self) { _ = try await trainer.forwardBackward(batch) }
                #expect(error?.code == .unsupported, "\(String(describing: error))")
                #expect(try await trainer.status().accumulatedMicrobatches == 1)
            }
        }

        @Test func whatAModelKeepsBesideItsWeightsIsSavedWithThem() async throws {
            try await withTemporaryDirectory { directory in
                let model = try Self.model(
                    """
                    config = t.DeepseekV3Config(vocab_size=50, hidden_size=16, intermediate_size=24, moe_intermediate_size=8, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2, n_routed_experts=4, n_shared_experts=1, num_experts_per_tok=2, n_group=2, topk_group=1, first_k_dense_replace=1, q_lora_rank=8, kv_lora_rank=8, qk_rope_head_dim=4, qk_nope_head_dim=4, v_head_dim=4, max_position_embeddings=64)
                    model = t.DeepseekV3ForCausalLM(config)
                    for name, buffer in model.named_buffers():
                        if "correction_bias" in name: buffer.copy_(torch.tensor([0.0, 0.3, -0.3, 0.5]))
                    """, in: directory)
                let trainer = try await HuggingFaceTrainer(model: model, optimizer: OptimizerOptions(learningRate: 1e-3))
                let batch = try Self.batch()
                _ = try await trainer.forwardBackward(batch)
                _ = try await trainer.optimStep()
                let learned = try await trainer.forward(ForwardInputs(logProbsOf: batch)).logProbs!.scalars
                for weightsOnly in [false, true] {
                    let saved = try await trainer.save(name: "saved-\(weightsOnly)", path: directory, weightsOnly: weightsOnly).path
                    _ = try await trainer.load(saved)
                    let opened = try await HuggingFaceTrainer(model: saved)
                    for reader in [trainer, opened] {
                        let found = try await reader.forward(ForwardInputs(logProbsOf: batch)).logProbs!.scalars
                        #expect(relativeDifference(found, learned) < 1e-6, "\(found) and \(learned)")
                    }
                }
            }
        }
    }
}
#endif
