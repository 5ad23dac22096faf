import ArgumentParser
import Foundation
import Swage
import SwageConformance
import SwageFiles
import SwageNative
import SwageText

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

    @Option(help: .init("The step at which the learning-rate schedule ends.", valueName: "n"))
    var steps = 100

    @Option(
        help: """
            The trainer's weights in a folder that the native engine opens; or, for a model that it does not know, a .jsonl file of \
            steps and what they come to (docs/BringYourOwnTrainer.md). Default: what the trainer exports.
            """)
    var reference: String?

    @Option(
        help: .init(
            "A folder for checkpoints that the trainer can write to as well; they stay there. Default: one that is removed again.",
            valueName: "path"))
    var workspace: String?

    @Option(parsing: .upToNextOption, help: .init("The promises to check, by number or name. Default: all nine.", valueName: "promise"))
    var only: [String] = []

    @Option(
        parsing: .upToNextOption,
        help: .init("Promises to leave out, each with the reason that stands in the report: \"9=a family that swage does not have\".", valueName: "promise"))
    var skip: [String] = []

    @Option(help: .init("The longest that the check of one promise may take, and what is done before and after, in whole seconds.", valueName: "seconds"))
    var timeLimit = 300

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        try modelOptions.validate(EngineUse(trainsAsTheServer: true))
    }

    /// Which promises are checked.
    /// - Throws: ``UsageError`` for one that is none.
    func plan() throws -> Conformance.Plan {
        func invariant(_ text: some StringProtocol, _ option: String) throws -> Conformance.Invariant {
            if let invariant = Conformance.Invariant(String(text)) { return invariant }
            let all = Conformance.Invariant.allCases
            throw UsageError(
                "--\(option) names \"\(text)\"", expected: "1 to \(all.count), or " + all.map(\.name).joined(separator: ", "),
                didYouMean: all.map(\.name).nearest(to: String(text)))
        }
        let chosen = Set(try only.map { try invariant($0, "only") })
        var skipped: [Conformance.Invariant: String] = [:]
        for text in skip {
            let parts = text.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[1].contains(where: { !$0.isWhitespace }) else {
                throw UsageError("--skip is \"\(text)\"", expected: "a promise, = and the reason")
            }
            let left = try invariant(parts[0], "skip")
            guard skipped[left] == nil else {
                throw UsageError("--skip names \(left.name) twice", expected: "one reason for a promise that is left out")
            }
            guard only.isEmpty || chosen.contains(left) else {
                throw UsageError("--skip names \(left.name), which --only leaves out already", expected: "one of those that are checked")
            }
            skipped[left] = String(parts[1])
        }
        let plan = Conformance.Plan(
            Conformance.Invariant.allCases.filter { only.isEmpty || chosen.contains($0) }, skipping: skipped,
            timeLimit: .seconds(timeLimit))
        guard plan.invariants.contains(where: { skipped[$0] == nil }) else {
            throw UsageError("--skip leaves nothing to check", expected: "a promise that is not left out")
        }
        return plan
    }

    func run() async throws {
        let name = "swage-conformance-\(UUID().uuidString)"
        let own = FileManager.default.temporaryDirectory.appendingPathComponent(name).path
        defer { try? FileManager.default.removeItem(atPath: own) }
        let limit = Duration.seconds(timeLimit)
        let chosen = try plan()
        let served = try await within(limit, "asking the trainer where it may save") { try await self.workspaceOfServer(name, instead: own) }
        // Nobody else knows the name.
        defer { served.map { try? FileManager.default.removeItem(atPath: $0) } }
        let workspace = self.workspace ?? served ?? own
        do {
            try FileManager.default.createDirectory(atPath: workspace, withIntermediateDirectories: true)
        } catch {
            throw TrainerError(.inputOutput, "the workspace \(workspace) cannot be made: \(error.summary)", expected: "a folder that can be written to")
        }

        let subject: Conformance.Subject
        do {
            subject = try await within(limit, "the trainer's start, and two saves of its weights,") { try await self.subject(workspace) }
        } catch let error as TrainerError where json {
            try printAsJSON(["passed": 0, "failed": 0, "skipped": 0, "interrupted": false, "failures": [String](), "notBegun": "\(error)"])
            throw error
        }
        let findings = await Conformance(subject).run(chosen) { finding in
            let seconds = finding.duration / .seconds(1)
            writeToStandardError("\(finding.invariant.rawValue) of 9  \(finding.invariant.name)  \(fixed(seconds, 1)) s\n")
        }
        do {
            // In a task of its own, which an interrupt does not cancel.
            try await Task { _ = try await within(limit, "loading its first checkpoint") { try await subject.makeTrainer(workspace) } }.value
        } catch {
            writeToStandardError("The trainer is not put back to its beginning: \(error)\n")
        }
        try report(findings)
        try Task.checkCancellation()
    }

    private func report(_ findings: [Conformance.Finding]) throws {
        let failed = findings.filter { $0.failure != nil }.count
        let skipped = findings.count { if case .skipped = $0.outcome { true } else { false } }
        let passed = findings.count - failed - skipped
        if json {
            try printAsJSON([
                "passed": passed, "failed": failed, "skipped": skipped, "interrupted": Task.isCancelled,
                "failures": findings.compactMap { finding in finding.failure.map { "\(finding.invariant.name): \($0)" } },
                "promises": findings.map(\.fields),
            ])
        } else {
            let counts = "\(passed) passed, \(failed) failed" + (skipped > 0 ? ", \(skipped) skipped" : "")
            try printLine((findings.map { "\($0)" } + ["\n" + counts]).joined(separator: "\n"))
        }
        if failed > 0 { throw ExitCode.failure }
    }

    /// A folder beside a server's own checkpoints, where it may not save in `place`; nil if it may, or if one was named.
    /// - Throws: ``TrainerError`` with code `notAllowed` for a named one in which the server may not save.
    private func workspaceOfServer(_ name: String, instead place: String) async throws -> String? {
        guard modelOptions.engine == .remote else { return nil }
        let trainer = try await modelOptions.remote.connect().trainer
        do {
            _ = try await trainer.load((workspace ?? place) + "/none")
        } catch let error as TrainerError where error.code == .notAllowed {
            if let workspace {
                throw TrainerError(
                    .notAllowed, "--workspace is \(workspace), where the server may not write",
                    expected: "a folder that the server was started with, or no --workspace")
            }
            let saved = try await trainer.save(name: name, path: nil, weightsOnly: true).path
            guard saved.hasSuffix("/" + name), FileManager.default.fileExists(atPath: saved) else { throw error }
            try? FileManager.default.removeItem(atPath: saved)
            return saved + "-files"
        } catch is TrainerError {}
        return nil
    }

    private func subject(_ workspace: String) async throws -> Conformance.Subject {
        let optimizer = optimizerOptions.options(totalSteps: steps)
        let values = try referenceValues()
        if let reference, values == nil {
            // A mistake of whoever typed it is no broken promise of the trainer.
            _ = try await NativeTrainer(model: reference, optimizer: optimizer, checkpointDirectory: workspace + "/reference")
        }
        let started = try await modelOptions.start(optimizer: optimizer, checkpointDirectory: workspace + "/default")
        let (trainer, sampler) = (started.trainer, started.sampler)
        let status = try await trainer.status()
        guard status == TrainerStatus(step: 0, accumulatedMicrobatches: 0) else {
            throw TrainerError(
                .invalidOption, "the trainer is at step \(status.step), with \(status.accumulatedMicrobatches) microbatches accumulated",
                expected: "one that has just begun; it is put back there after the checks")
        }
        let beginning = try await trainer.save(name: "beginning", path: workspace, weightsOnly: false).path
        let exported = try await trainer.save(name: "weights", path: workspace, weightsOnly: true).path
        do {
            _ = try await trainer.load(beginning)
        } catch let error as TrainerError {
            // Every check begins there: it is said once.
            throw TrainerError(
                error.code, "the trainer cannot load what it has just saved, \(beginning): \(error.message)",
                expected: error.expected ?? "a checkpoint of its own to be one that it takes (promise 5)")
        }
        let configuration = try await trainer.config()
        let size = configuration.modelConfiguration["vocab_size"]
        guard case .integer(let vocabulary)? = size, 1...Int(Int32.max) ~= vocabulary else {
            throw TrainerError(
                .engineFailed, "the vocab_size in the trainer's config() is \(size.map { "\($0)" } ?? "not there")",
                expected: "the number of token ids")
        }
        for (index, step) in (values ?? []).enumerated() {
            do {
                try step.batch.validate(vocabularySize: vocabulary)
            } catch let error as TrainerError {
                throw TrainerError(.invalidData, "\(reference ?? ""), step \(index + 1): \(error.message)", expected: error.expected)
            }
        }
        if optimizer.learningRate < 1e-4 {
            writeToStandardError("A learning rate of \(optimizer.learningRate) hardly moves a weight: at 1e-3 more would be noticed.\n")
        } else if optimizer.learningRate > 3e-2 {
            writeToStandardError("A learning rate of \(optimizer.learningRate) lets rounding grow, which promises 2 to 9 may find: at 1e-3 it does not.\n")
        }
        let folder = reference ?? exported
        let remote = modelOptions.remote
        var subject = Conformance.Subject(
            vocabularySize: vocabulary, workspace: workspace, choosesCheckpointDirectory: false,
            makeTrainer: { _ in
                _ = try await trainer.load(beginning)
                return trainer
            },
            reference: values.map { .values($0) }
                ?? .trainer { try await Self.referenceTrainer(folder, optimizer, $0) },
            sampler: { _ in sampler })
        subject.dtype = configuration.capabilities.dtype
        let slack = Conformance.slack(of: subject.dtype)
        if slack != 1 {
            writeToStandardError(
                "It computes in \(subject.dtype ?? ""): numbers may differ by \(Int(slack)) times what is allowed in float32, and promise 9 "
                    + "compares no step after the first.\n")
        }
        if modelOptions.engine == .remote {
            subject.makeRepeating = { _ in
                let repeating = try await remote.connect(checkpointDirectory: workspace + "/default", repeatsRequests: true).trainer
                _ = try await repeating.load(beginning)
                return repeating
            }
            subject.makeInOwnPlace = {
                let unplaced = try await remote.connect().trainer
                _ = try await unplaced.load(beginning)
                return unplaced
            }
            subject.checkService = { try await remote.probe($0, beginning: beginning, workspace: workspace) }
        }
        return subject
    }

    private static func referenceTrainer(_ folder: String, _ optimizer: OptimizerOptions, _ place: String) async throws -> any Trainer {
        do {
            return try await NativeTrainer(model: folder, optimizer: optimizer, checkpointDirectory: place)
        } catch let error as TrainerError where error.code == .unsupported {
            throw TrainerError(
                .unsupported, "the native engine, which is the reference, cannot open \(folder): \(error.message)",
                expected: "--reference with a .jsonl file of steps and what they come to, or --skip \"9=\" and the reason")
        }
    }

    /// What another implementation of the model came to, if that is what the reference is.
    private func referenceValues() throws -> [ReferenceStep]? {
        guard let reference, reference.hasSuffix(".jsonl") else { return nil }
        return try ReferenceStep.read(contentsOfFile: reference)
    }
}

extension Conformance.Finding {
    /// What a program wants to know of it, as values that JSON can hold.
    fileprivate var fields: [String: Any] {
        let (verdict, reason): (String, String?) =
            switch outcome {
            case .kept: ("passed", nil)
            case .broken(let what): ("failed", what)
            case .skipped(let why): ("skipped", why)
            }
        return [
            "number": invariant.rawValue, "name": invariant.name, "verdict": verdict, "reason": reason ?? NSNull(),
            "seconds": duration / .seconds(1), "report": "\(self)",
        ]
    }
}
