import Foundation
import Swage
import SwageConformance
import SwageNative
import TestSupport
import TutorialLoops

#if Engines
    import SwageRemote
    import SwageWorkers
#endif

/// An engine as the conformance suite meets it.
package struct EngineUnderTest: Sendable, CustomStringConvertible {
    package let name: String
    /// Whether the same calls must give the same bits.
    var isBitExact = false
    var optimizer = TinyModel.optimizer
    /// Starts the engine with the tiny model and that default place of checkpoints.
    package let start: @Sendable (_ directory: String) async throws -> any Trainer

    package var description: String { name }

    /// Starts the engine once, puts it through the suite, and back to its beginning for every check.
    /// - Parameter foreign: a checkpoint of another model.
    package func conformance(workspace: String, foreign: String) async throws -> Conformance {
        let trainer = try await start(workspace + "/default")
        let beginning = try await trainer.save(name: "beginning", path: workspace).path
        let optimizer = optimizer
        return Conformance(
            .init(
                vocabularySize: TinyModel.vocabularySize, workspace: workspace, isBitExact: isBitExact,
                foreignCheckpoint: foreign, choosesCheckpointDirectory: false,
                makeTrainer: { _ in
                    _ = try await trainer.load(beginning)
                    return trainer
                },
                makeReference: { try await TinyModel.trainer($0, optimizer: optimizer) }))
    }

    /// A checkpoint of another model, in a new folder of `workspace`.
    package static func foreignCheckpoint(in workspace: String) async throws -> String {
        try await NativeTrainer(model: Golden.decoder("qwen2"))
            .save(name: nil, path: workspace + "/foreign", weightsOnly: false).path
    }

    package static let native = EngineUnderTest(name: "native", isBitExact: true) {
        try await TinyModel.trainer($0, threads: 2)
    }

    package static let decorated = EngineUnderTest(name: "native, decorated", isBitExact: true) {
        TimedTrainer(try await TinyModel.trainer($0, threads: 2))
    }

    #if Engines
        package static let huggingFace = EngineUnderTest(name: "huggingface") {
            try await HuggingFaceTrainer(
                model: TinyModel.path, optimizer: TinyModel.optimizer, checkpointDirectory: $0)
        }

        package static func titan(
            _ name: String, _ divide: @escaping @Sendable (inout TitanTrainer.Degrees) -> Void
        ) -> EngineUnderTest {
            EngineUnderTest(name: "titan, \(name)") {
                var options = TitanTrainer.Options()
                divide(&options.degrees)
                options.threads = 1
                return try await TitanTrainer(
                    model: TinyModel.path, optimizer: TinyModel.optimizer, checkpointDirectory: $0, options: options)
            }
        }

        package static let titans = [
            titan("1 rank") { _ in },
            titan("2 ranks, FSDP2") { $0.shard = 2 },
            titan("2 ranks, tensor parallel") { $0.tensor = 2 },
        ]

        package static let served = EngineUnderTest(name: "remote: native, served", isBitExact: true) {
            try await ServedElsewhere(try await TinyModel.trainer($0), checkpoints: folder(above: $0)).trainer
        }

        package static let thirdParty = EngineUnderTest(
            name: "remote: third party",
            optimizer: OptimizerOptions(learningRate: 1e-3, schedule: LearningRateSchedule(.constant))
        ) { directory in
            try await ThirdPartyProcess(
                model: TinyModel.path, workspace: directory, checkpoints: folder(above: directory)
            ).trainer()
        }

        /// The workspace, in which the suite saves beside the default place.
        private static func folder(above directory: String) -> String {
            URL(fileURLWithPath: directory).deletingLastPathComponent().path
        }

        /// Those that can run here: what a worker needs has to be installed.
        package static var all: [EngineUnderTest] {
            var engines = [native, decorated, served]
            if WorkerEnvironment("huggingface").isInstalled { engines += [huggingFace, thirdParty] }
            if WorkerEnvironment("titan").isInstalled { engines += titans }
            return engines
        }
    #else
        package static var all: [EngineUnderTest] { [native, decorated] }
    #endif
}

extension Conformance.Subject {
    /// A native trainer that breaks one promise in a corner.
    package static func flawed(_ flaw: BrokenTrainer.Flaw, in workspace: String) -> Conformance.Subject {
        .init(
            vocabularySize: TinyModel.vocabularySize, workspace: workspace, isBitExact: true,
            makeTrainer: { BrokenTrainer(try await TinyModel.trainer($0), flaw: flaw) },
            makeReference: { try await TinyModel.trainer($0) })
    }

    /// A native trainer that breaks one promise.
    package static func broken(_ invariant: Conformance.Invariant, in workspace: String) -> Conformance.Subject {
        .init(
            vocabularySize: TinyModel.vocabularySize, workspace: workspace, isBitExact: true,
            makeTrainer: { BrokenTrainer(try await TinyModel.trainer($0), broken: invariant) },
            makeReference: { try await TinyModel.trainer($0) })
    }
}
