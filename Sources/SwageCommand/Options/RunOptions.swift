import ArgumentParser
import Swage
import SwageRecipes

/// What every command that trains is told of its run.
struct RunOptions: ParsableArguments {
    @Option(help: .init("The folder of the run and of the trained model.", valueName: "path"))
    var output: String

    @Option(help: .init("The number of optimizer steps.", valueName: "n"))
    var steps = 100

    @Option(help: .init("The seed of all that is drawn.", valueName: "n"))
    var seed: UInt64 = 0

    @Option(help: .init("Steps between checkpoints. Default: at the end.", valueName: "n"))
    var saveEvery: Int?

    @Option(help: .init("How many checkpoints stay. Default: 2.", valueName: "n", visibility: .hidden))
    var keepCheckpoints: Int?

    @Flag(inversion: .prefixedNo, help: "Whether to remove an earlier run first.")
    var restart = false

    @Flag(
        inversion: .prefixedNo,
        help: .init(
            "Whether to show where the time went, and write it as a Chrome trace to profile.json in the output folder.",
            visibility: .hidden))
    var profile = false

    @Flag(inversion: .prefixedNo, help: "Whether to print the result as JSON, in one line.")
    var json = false

    var directory: RunDirectory { RunDirectory(path: output, startsOver: restart) }

    /// Makes sure, before anything is opened, that the run can be where it is to be.
    /// - Parameter inputs: the path of each thing that is read, by what it is; those that are not given are nil.
    func check(inputs: [String: String?]) throws { try directory.check(inputs: inputs.compactMapValues { $0 }) }

    /// Makes sure that every option is given to an engine that has it.
    func validate(_ model: ModelOptions) throws {
        if profile, model.engine != .native {
            throw ValidationError("--profile is for native, and the engine is \(model.engine.rawValue); expected without it.")
        }
        if keepCheckpoints != nil, model.engine == .remote, !model.remote.isOnThisMachine {
            throw ValidationError("--keep-checkpoints is given, and checkpoints lie on the server's machine; expected without it.")
        }
    }

    /// Opens the model in its engine, for this run.
    func start(_ model: ModelOptions, _ optimizer: OptimizerArguments) async throws -> StartedEngine {
        try await model.start(
            optimizer: optimizer.options(totalSteps: steps), checkpointDirectory: directory.checkpoints,
            keptCheckpoints: keepCheckpoints ?? 2, output: output, profiles: profile)
    }

    /// Runs to the end or to an interrupt, and says how it ended.
    func conduct<Report: PrintableReport>(
        _ engine: StartedEngine, _ display: TrainingDisplay, _ run: () async throws -> TrainingOutcome<Report>
    ) async throws {
        let outcome = try await run()
        if case .alreadyFinished = outcome {
            // Nothing was done whose time could be told.
        } else if let report = try await engine.profile() {
            try report.publish(in: directory)
        }
        switch outcome {
        case .finished(let report):
            try show(report)
        case .alreadyFinished(let report):
            display.note("This run is done. Another one needs another --output, or --restart.")
            try show(report)
        case .interrupted(let step, let checkpoint):
            display.note(
                checkpoint.map { "Stopped after step \(step); saved \($0)\nThe same command goes on from there." }
                    ?? "Stopped before a step was taken. The same command goes on.")
            throw Interrupt.exitCode
        }
    }

    private func show(_ report: some PrintableReport) throws {
        let copy = directory.path + "/report.json"
        if json { try printAsJSON(report.json, copy: copy) } else { try printLine(report.summary, copy: copy) }
    }
}
