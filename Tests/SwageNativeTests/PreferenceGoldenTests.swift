import Foundation
import Swage
import SwageFiles
import SwageNative
import Testing
import TestSupport

/// DPO against TRL's DPOTrainer, on the same pairs.
@Suite struct PreferenceGoldenTests {
    @Test(arguments: LossFunction.PreferenceLoss.allCases)
    func lossAndGradientsEqualThoseOfTRL(_ kind: LossFunction.PreferenceLoss) async throws {
        let golden = try GoldenTensors(Golden.root + "/losses/preferences.safetensors")
        let batch = TextTrainBatch(
            inputIDs: try golden.integers("inputIDs"), targetIDs: try golden.integers("targetIDs"),
            targetMask: try golden.floats("targetMask"),
            lossInputs: ["referenceLogProbs": try golden.floats("referenceLogProbs")])
        let trainer = try await NativeTrainer(model: Golden.decoder("llama"), threads: 2)
        let result = try await trainer.forwardBackward(batch, loss: .dpo(beta: 0.3, loss: kind))
        let expected = Double(try golden.floats("\(kind.rawValue).loss").scalars[0])
        #expect(abs(result.loss - expected) < 1e-5 * max(1, expected), "\(kind): \(result.loss), TRL \(expected)")
        try await withTemporaryDirectory { directory in
            let saved = try await trainer.save(path: directory + "/saved")
            let gradients = try GoldenTensors(saved.path + "/gradients.safetensors")
            for name in gradients.names.sorted() {
                // The sum over three pairs, of which TRL gives the mean.
                let found = try gradients.floats(name).scalars.map { $0 / 3 }
                let difference = relativeDifference(found, try golden.floats("\(kind.rawValue).gradient.\(name)").scalars)
                #expect(difference < 1e-4, "\(kind), \(name) differs by \(difference)")
            }
        }
    }
}
