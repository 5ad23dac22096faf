import Foundation
import Swage
import SwageFiles
import SwageNative
import Testing
import TestSupport

/// Tiny models of each family against what PyTorch and transformers computed.
@Suite struct GoldenDecoderTests {
    struct Options: Decodable {
        var learning_rate: Double
        var beta1: Double
        var beta2: Double
        var epsilon: Double
        var weight_decay: Double
        var max_gradient_norm: Double

        var optimizer: OptimizerOptions {
            OptimizerOptions(
                learningRate: learning_rate, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weight_decay,
                maxGradientNorm: max_gradient_norm)
        }
    }

    static let tolerance = 1e-4

    private func trainer(_ name: String, threads: Int = 2) async throws -> NativeTrainer {
        let options = try Golden.json(Options.self, "decoders/\(name)/optimizer.json")
        return try await NativeTrainer(
            model: Golden.decoder(name), optimizer: options.optimizer, threads: threads)
    }

    private func golden(_ name: String) throws -> GoldenTensors {
        try GoldenTensors(Golden.decoder(name) + "/golden.safetensors")
    }

    @Test(arguments: Golden.decoders)
    func logitsAndLogProbsEqualTransformers(_ name: String) async throws {
        let golden = try golden(name)
        var inputs = ForwardInputs(logProbsOf: try golden.batch(0))
        inputs.targetMask = nil
        inputs.outputs = [.logits, .logProbs]
        let outputs = try await trainer(name).forward(inputs)
        let logits = relativeDifference(outputs.logits!.scalars, try golden.floats("logits").scalars)
        let logProbs = relativeDifference(outputs.logProbs!.scalars, try golden.floats("logProbs").scalars)
        #expect(logits < Self.tolerance)
        #expect(logProbs < Self.tolerance)
    }

    /// GGUF has names, rotary order and rope scaling of its own.
    @Test(arguments: Golden.ggufDecoders)
    func theSameModelInGGUFGivesTheSameLogits(_ name: String) async throws {
        let trainer = try await NativeTrainer(model: Golden.decoder(name) + "/model.gguf")
        let golden = try golden(name)
        let outputs = try await trainer.forward(
            ForwardInputs(inputIDs: try golden.batch(0).inputIDs, outputs: [.logits]))
        let difference = relativeDifference(outputs.logits!.scalars, try golden.floats("logits").scalars)
        #expect(difference < Self.tolerance)
    }

    /// What `save` exports from a GGUF file is the Hugging Face folder that it came from.
    @Test(arguments: Golden.ggufDecoders)
    func aModelExportedFromGGUFIsTheOriginal(_ name: String) async throws {
        try await withTemporaryDirectory { directory in
            let trainer = try await NativeTrainer(model: Golden.decoder(name) + "/model.gguf")
            let saved = try await trainer.save(name: nil, path: directory + "/export", weightsOnly: true)
            let exported = try ModelFiles.open(saved.path)
            let original = try ModelFiles.open(Golden.decoder(name))
            var (found, expected) = (exported.configuration, original.configuration)
            (found.name, expected.name) = ("", "")
            // GGUF keeps these in single precision.
            (found.normEpsilon, expected.normEpsilon) = (0, 0)
            if name.hasPrefix("phi3_") { (found.rotaries, expected.rotaries) = ([], []) }
            #expect(found == expected)
            let weights = try GoldenTensors(saved.path + "/model.safetensors")
            let golden = try GoldenTensors(Golden.decoder(name) + "/model.safetensors")
            for tensor in golden.names {
                // GGUF adds 1 to the weights of Gemma's norms, which costs a digit.
                let isMoved = name.hasPrefix("gemma") && tensor.hasSuffix("norm.weight")
                let difference = relativeDifference(try weights.floats(tensor).scalars, try golden.floats(tensor).scalars)
                #expect(difference <= (isMoved ? 1e-6 : 0), "\(tensor) differs by \(difference)")
            }
        }
    }

    @Test(arguments: Golden.decoders, [1, 2, 3])
    func everyGradientEqualsPyTorch(_ name: String, threads: Int) async throws {
        let golden = try golden(name)
        let batch = try golden.batch(0)
        let trainer = try await trainer(name, threads: threads)
        let result = try await trainer.forwardBackward(batch)
        let loss = Double(try golden.floats("loss0").scalars[0])
        #expect(abs(result.loss - loss) < Self.tolerance * abs(loss))

        try await withTemporaryDirectory { directory in
            let saved = try await trainer.save(path: directory + "/accumulated")
            let gradients = try GoldenTensors(saved.path + "/gradients.safetensors")
            let count = Float(batch.targetCount)
            for name in golden.names where name.hasPrefix("gradient.") {
                let parameter = String(name.dropFirst("gradient.".count))
                let found = try gradients.floats(parameter).scalars.map { $0 / count }
                let difference = relativeDifference(found, try golden.floats(name).scalars)
                #expect(difference < Self.tolerance, "\(parameter) differs by \(difference)")
            }
        }
    }

    @Test(arguments: Golden.decoders)
    func threeAdamWStepsEqualPyTorch(_ name: String) async throws {
        let golden = try golden(name)
        let trainer = try await trainer(name)
        for index in 0..<3 {
            let result = try await trainer.forwardBackward(try golden.batch(index))
            let loss = Double(try golden.floats("loss\(index)").scalars[0])
            #expect(abs(result.loss - loss) < Self.tolerance * abs(loss), "loss \(index): \(result.loss), not \(loss)")
            let step = try await trainer.optimStep()
            let norm = Double(try golden.floats("norm\(index)").scalars[0])
            #expect(abs(step.gradientNorm - norm) < Self.tolerance * norm, "norm: \(step.gradientNorm), not \(norm)")
        }
        try await withTemporaryDirectory { directory in
            let saved = try await trainer.save(name: nil, path: directory + "/after", weightsOnly: true)
            let weights = try GoldenTensors(saved.path + "/model.safetensors")
            for name in golden.names where name.hasPrefix("after.") {
                let parameter = String(name.dropFirst("after.".count))
                let difference = relativeDifference(
                    try weights.floats(parameter).scalars, try golden.floats(name).scalars)
                #expect(difference < Self.tolerance, "\(parameter) differs by \(difference)")
            }
        }
    }
}
