import Foundation
import Swage
import SwageFiles
import SwageNative
import SwageText
import Testing
import TestSupport

/// Models whose files are arranged otherwise than transformers writes those of text alone.
@Suite(.timeLimit(.minutes(10))) struct FamilyFileTests {
    /// A golden model with other names, and another configuration, in a folder of its own.
    private func rearrange(
        _ decoder: String, in directory: String, name: (String) -> String, configuration: (JSONValue) -> JSONValue
    ) throws {
        let source = Golden.decoder(decoder)
        let config = try JSONValue(json: try Data(contentsOf: URL(fileURLWithPath: source + "/config.json")))
        try Data(configuration(config).json.utf8).write(to: URL(fileURLWithPath: directory + "/config.json"))
        try FileManager.default.copyItem(atPath: source + "/tokenizer.json", toPath: directory + "/tokenizer.json")
        let weights = try GoldenTensors(source + "/model.safetensors")
        let tensors = try weights.names.sorted().map { (name($0), try weights.floats($0)) }
        let buffers = tensors.map { UnsafeMutableBufferPointer<Float>.allocate(capacity: $1.scalars.count) }
        defer { for buffer in buffers { buffer.deallocate() } }
        let views = zip(tensors, buffers).map { tensor, buffer in
            _ = buffer.initialize(from: tensor.1.scalars)
            return TensorView(name: tensor.0, shape: tensor.1.shape, elements: UnsafeBufferPointer(buffer))
        }
        try SafetensorsWriter.write(views, to: directory + "/model.safetensors")
    }

    private func expectGoldenLogits(_ decoder: String, _ trainer: NativeTrainer) async throws {
        let golden = try GoldenTensors(Golden.decoder(decoder) + "/golden.safetensors")
        let outputs = try await trainer.forward(ForwardInputs(inputIDs: try golden.batch(0).inputIDs, outputs: [.logits]))
        let difference = relativeDifference(outputs.logits!.scalars, try golden.floats("logits").scalars)
        #expect(difference < 1e-4, "the logits differ by \(difference)")
    }

    /// As models of text and images have been saved, before transformers 5 and since.
    @Test(arguments: ["language_model.model.", "model.language_model."])
    func theTextOfAModelOfTextAndImagesOpensAndIsExportedAlone(_ prefix: String) async throws {
        try await withTemporaryDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory + "/outer", withIntermediateDirectories: true)
            try rearrange("gemma3", in: directory + "/outer") { name in
                prefix + name.dropFirst("model.".count)
            } configuration: { config in
                ["model_type": "gemma3", "architectures": ["Gemma3ForConditionalGeneration"], "text_config": config, "vision_config": [:]]
            }
            let trainer = try await NativeTrainer(model: directory + "/outer")
            try await expectGoldenLogits("gemma3", trainer)
            let saved = try await trainer.save(name: nil, path: directory + "/text", weightsOnly: true)
            let config = try JSONValue(json: try Data(contentsOf: URL(fileURLWithPath: saved.path + "/config.json")))
            #expect(config["model_type"]?.text == "gemma3_text" && config["architectures"]?.list == ["Gemma3ForCausalLM"])
            try await expectGoldenLogits("gemma3", try await NativeTrainer(model: saved.path))
        }
    }

    @Test func aModelSavedWithoutItsHeadsPrefixOpens() async throws {
        try await withTemporaryDirectory { directory in
            try rearrange("gpt2", in: directory) {
                String($0.dropFirst("transformer.".count))
            } configuration: {
                $0
            }
            try await expectGoldenLogits("gpt2", try await NativeTrainer(model: directory))
        }
    }

    @Test func moreTokensThanLearnedPositionsAreRefusedBeforeAnyWork() async throws {
        let trainer = try await NativeTrainer(model: Golden.decoder("gpt2"))
        let ids = Tensor(repeating: Int32(1), shape: [1, 257])
        let batch = TextTrainBatch(inputIDs: ids, targetIDs: ids)
        let error = await #expect(throws: TrainerError.self) { try await trainer.forwardBackward(batch) }
        #expect(error?.code == .tooLarge && error?.description.contains("256") == true, "\(String(describing: error))")
        #expect(try await trainer.status().accumulatedMicrobatches == 0)
        let sampling = await #expect(throws: TrainerError.self) {
            try await trainer.sampler.generate([Array(repeating: 1, count: 250)], options: .greedy(maxTokens: 8))
        }
        #expect(sampling?.code == .tooLarge, "\(String(describing: sampling))")
        #expect(try await trainer.sampler.generate([Array(repeating: 1, count: 250)], options: .greedy(maxTokens: 7)).count == 1)
    }

    /// The product of hidden states and the output head is not all of these models' logits.
    @Test(arguments: ["granite", "gemma2"])
    func linearCrossEntropyIsCrossEntropyWhereLogitsAreMore(_ name: String) async throws {
        let batch = try GoldenTensors(Golden.decoder(name) + "/golden.safetensors").batch(0)
        let losses = try await [LossFunction.crossEntropy, .linearCrossEntropy].asyncMap { loss in
            try await NativeTrainer(model: Golden.decoder(name)).forwardBackward(batch, loss: loss).loss
        }
        #expect(abs(losses[0] - losses[1]) < 1e-6 * abs(losses[0]), "\(losses)")
    }
}

extension Array where Element: Sendable {
    fileprivate func asyncMap<Result>(_ transform: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
