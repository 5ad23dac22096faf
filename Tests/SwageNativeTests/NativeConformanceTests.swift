import Swage
import SwageConformance
import SwageNative
import Testing
import TestSupport

@Suite struct NativeConformanceTests {
    @Test(arguments: Golden.decoders)
    func nativeTrainerKeepsEveryInvariant(_ model: String) async throws {
        try await withTemporaryDirectory { directory in
            let foreign = try await NativeTrainer(model: Golden.decoder(model == "qwen2" ? "llama" : "qwen2"))
                .save(name: nil, path: directory + "/foreign", weightsOnly: false)
            let findings = await Conformance(
                .init(
                    vocabularySize: 300, workspace: directory, isBitExact: true, foreignCheckpoint: foreign.path,
                    makeTrainer: { try await Self.trainer(model, $0, threads: 2) },
                    reference: .trainer { try await Self.trainer(model, $0, threads: 3) },
                    sampler: { ($0 as? NativeTrainer)?.sampler })
            ).run()
            #expect(findings.count == Conformance.Invariant.allCases.count)
            for finding in findings { #expect(finding.failure == nil, "\(finding)") }
        }
    }

    private static func trainer(_ model: String, _ directory: String, threads: Int) async throws -> NativeTrainer {
        try await NativeTrainer(
            model: Golden.decoder(model),
            optimizer: OptimizerOptions(
                learningRate: 3e-3, epsilon: 1e-5, weightDecay: 0.1,
                schedule: LearningRateSchedule(.cosine, warmupSteps: 2, totalSteps: 20)),
            checkpointDirectory: directory, threads: threads)
    }
}
