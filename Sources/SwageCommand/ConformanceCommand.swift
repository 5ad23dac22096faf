import ArgumentParser
import Foundation
import Swage
import SwageConformance
import SwageFiles
import SwageNative

struct ConformanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conformance",
        abstract: "Check that a trainer keeps the nine promises of the protocol.",
        discussion: """
            Trains on random tokens, and puts the trainer back to its beginning after that. Its loss has to be cross \
            entropy. The reference is the native engine with --reference, a folder of the same weights, or with what the \
            trainer itself exports. The optimizer's options have to be those that the trainer was started with.

              swage conformance --engine remote --address localhost:50051 --learning-rate 3e-3
            """)

    @OptionGroup(title: "Model") var modelOptions: ModelOptions

    @OptionGroup(title: "Optimizer") var optimizerOptions: OptimizerArguments

    @Option(help: "The step at which the learning-rate schedule ends.")
    var steps = 100

    @Option(help: "The trainer's weights in a folder that the native engine opens. Default: what the trainer exports.")
    var reference: String?

    @Option(help: "A folder for checkpoints that the trainer can write to as well. Default: one that is removed again.")
    var workspace: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        try modelOptions.validate(EngineUse())
    }

    func run() async throws {
        let name = "swage-conformance-\(UUID().uuidString)"
        let own = FileManager.default.temporaryDirectory.appendingPathComponent(name).path
        defer { try? FileManager.default.removeItem(atPath: own) }
        let served = workspace == nil ? try await workspaceOfServer(name, instead: own) : nil
        defer { served.map(removeCheckpoints) }
        let workspace = workspace ?? served ?? own
        try FileManager.default.createDirectory(atPath: workspace, withIntermediateDirectories: true)

        let findings = await Conformance(try await subject(workspace)).run()
        let failures = findings.filter { $0.failure != nil }.count
        if json {
            try printAsJSON([
                "passed": findings.count - failures, "failed": failures,
                "failures": findings.compactMap { finding in finding.failure.map { "\(finding.invariant): \($0)" } },
            ])
        } else {
            try printLine(
                (findings.map { "\($0)" } + ["\n\(findings.count - failures) passed, \(failures) failed"]).joined(separator: "\n"))
        }
        if failures > 0 { throw ExitCode.failure }
    }

    /// A folder beside a server's own checkpoints, where it may not save in `place`; nil if it may.
    private func workspaceOfServer(_ name: String, instead place: String) async throws -> String? {
        guard modelOptions.engine == .remote else { return nil }
        let trainer = try await modelOptions.remote.connect().trainer
        do {
            _ = try await trainer.load(place + "/none")
        } catch let error as TrainerError where error.code == .notAllowed {
            let saved = try await trainer.save(name: name, path: nil, weightsOnly: true).path
            guard saved.hasSuffix("/" + name), FileManager.default.fileExists(atPath: saved) else { throw error }
            try? AtomicDirectory.remove(saved)
            return saved + "-files"
        } catch is TrainerError {}
        return nil
    }

    /// Removes a folder of checkpoints and of folders of them, and nothing else that may have come to be there.
    private func removeCheckpoints(_ folder: String) {
        for path in ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).map({ "\(folder)/\($0)" }) {
            let kind = try? FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
            if kind == .typeDirectory, (try? AtomicDirectory.remove(path)) == nil { removeCheckpoints(path) }
        }
        if rmdir(folder) != 0 { writeToStandardError("\(folder) stays, with what is no checkpoint of ours\n") }
    }

    private func subject(_ workspace: String) async throws -> Conformance.Subject {
        let optimizer = optimizerOptions.options(totalSteps: steps)
        let trainer = try await modelOptions.start(optimizer: optimizer, checkpointDirectory: workspace + "/default").trainer
        let beginning = try await trainer.save(name: "beginning", path: workspace, weightsOnly: false).path
        let exported = try await trainer.save(name: "weights", path: workspace, weightsOnly: true).path
        guard case .integer(let vocabulary)? = try await trainer.config().modelConfiguration["vocab_size"] else {
            throw TrainerError(.engineFailed, "the trainer's config() has no vocab_size", expected: "the number of token ids")
        }
        let reference = reference ?? exported
        return Conformance.Subject(
            vocabularySize: vocabulary, workspace: workspace, choosesCheckpointDirectory: false,
            makeTrainer: { _ in
                _ = try await trainer.load(beginning)
                return trainer
            },
            makeReference: { directory in
                try await NativeTrainer(model: reference, optimizer: optimizer, checkpointDirectory: directory)
            })
    }
}
