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
        var subject = Conformance.Subject(
            vocabularySize: TinyModel.vocabularySize, workspace: workspace, isBitExact: isBitExact,
            foreignCheckpoint: foreign, choosesCheckpointDirectory: false,
            makeTrainer: { _ in
                _ = try await trainer.load(beginning)
                return trainer
            },
            reference: .trainer { try await TinyModel.trainer($0, optimizer: optimizer) },
            sampler: { try await Self.sampler(of: $0) })
        #if Engines
        if let served = (trainer as? TimedTrainer)?.trainer as? Keeping ?? trainer as? Keeping {
            subject.makeRepeating = { _ in try await served.repeating().beginning(at: beginning) }
            subject.makeInOwnPlace = { try await served.inOwnPlace().beginning(at: beginning) }
            subject.checkService = { try await served.probe($0, beginning: beginning, workspace: workspace) }
        }
        #endif
        return Conformance(subject)
    }

    /// What writes with the weights of what `start` gave.
    static func sampler(of trainer: any Trainer) async throws -> (any Sampler)? {
        if let timed = trainer as? TimedTrainer {
            return try await sampler(of: timed.trainer).map { TimedSampler($0, times: timed.times) }
        }
        #if Engines
        if let trainer = trainer as? HuggingFaceTrainer { return trainer.sampler }
        if let served = trainer as? Keeping {
            return try await served.config().capabilities.generates ? served.trainer.sampler : nil
        }
        #endif
        return (trainer as? NativeTrainer)?.sampler
    }

    /// A checkpoint of another model, in a new folder of `workspace`.
    package static func foreignCheckpoint(in workspace: String) async throws -> String {
        try await NativeTrainer(model: Golden.decoder("qwen2"))
            .save(name: nil, path: workspace + "/foreign", weightsOnly: false).path
    }

    package static let native = EngineUnderTest(name: "native", isBitExact: true) {
        try await TinyModel.trainer($0, threads: 2)
    }

    /// The same in a decorator, and what writes in one as well.
    package var decorated: EngineUnderTest {
        EngineUnderTest(name: "\(name), decorated", isBitExact: isBitExact, optimizer: optimizer) { [start] in
            TimedTrainer(try await start($0))
        }
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

    package static let titanAlone = titan("1 rank") { _ in }

    package static let served = EngineUnderTest(name: "remote: native, served", isBitExact: true) {
        try await ServedElsewhere(try await TinyModel.trainer($0), checkpoints: $0, allowing: folder(above: $0)).trainer
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
        var engines = [native, served]
        if WorkerEnvironment("huggingface").isInstalled { engines += [huggingFace, thirdParty] }
        if WorkerEnvironment("titan").isInstalled { engines.append(titanAlone) }
        return engines
    }
    #else
    package static var all: [EngineUnderTest] { [native] }
    #endif
}

extension Trainer {
    fileprivate func beginning(at checkpoint: String) async throws -> Self {
        _ = try await load(checkpoint)
        return self
    }
}

extension Conformance.Subject {
    /// A native trainer that breaks one promise in a corner.
    package static func flawed(_ flaw: BrokenTrainer.Flaw, in workspace: String) -> Conformance.Subject {
        wrapped(in: workspace, sampler: { BrokenSampler($0, flaw: flaw) }) { BrokenTrainer($0, flaw: flaw, isAskedTwice: $1) }
    }

    /// A native trainer that breaks one promise.
    package static func broken(_ invariant: Conformance.Invariant, in workspace: String) -> Conformance.Subject {
        wrapped(in: workspace) { trainer, _ in BrokenTrainer(trainer, broken: invariant) }
    }

    /// A native trainer that is not as it is, and what writes with its weights.
    private static func wrapped(
        in workspace: String, sampler: @escaping @Sendable (NativeSampler) -> any Sampler = { $0 },
        _ wrap: @escaping @Sendable (_ trainer: any Trainer, _ isAskedTwice: Bool) -> BrokenTrainer
    ) -> Conformance.Subject {
        .init(
            vocabularySize: TinyModel.vocabularySize, workspace: workspace, isBitExact: true,
            makeTrainer: { wrap(try await TinyModel.trainer($0), false) },
            reference: .trainer { try await TinyModel.trainer($0) },
            sampler: { sampler((($0 as! BrokenTrainer).inner as! NativeTrainer).sampler) },
            makeRepeating: { wrap(try await TinyModel.trainer($0), true) },
            makeInOwnPlace: { wrap(try await TinyModel.trainer(workspace + "/own"), false) })
    }
}
