#if Engines
import ArgumentParser
import Foundation
import Swage
import SwageWorkers

struct SetupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "setup",
        abstract: "Install what an engine needs, or data import: pinned Python packages, in an environment of their own.",
        discussion: "  swage setup huggingface titan data")

    @Argument(help: "The engines huggingface and titan, and data, which is for swage data import.")
    var engines: [String]

    @Option(help: "The folder of swage_worker and its requirements. Default: python, beside the program or in the clone that built it.")
    var source: String?

    func validate() throws {
        for engine in engines where !([Engine.huggingface, .titan].map(\.rawValue) + ["data"]).contains(engine) {
            throw ValidationError("There is nothing to install for \"\(engine)\"; expected huggingface, titan or data.")
        }
    }

    func run() throws {
        guard let source = source ?? WorkerEnvironment.source else {
            throw TrainerError(
                .inputOutput, "the folder of swage_worker is not beside this program",
                expected: "--source, the folder python of a clone of Swage")
        }
        for engine in engines {
            try WorkerEnvironment(engine).install(from: source) { writeToStandardError("\($0)\n") }
        }
    }
}
#endif
