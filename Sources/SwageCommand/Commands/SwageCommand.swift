import ArgumentParser
import Foundation
import Swage
import SwageText

@main
struct SwageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swage",
        abstract: "Post-training for language models.",
        discussion: """
            Fine-tunes a model on conversations, measures it, lets it write. A model is a GGUF file, a folder in Hugging Face's \
            layout, or the name of one on the Hugging Face hub, org/name. Training runs in this process, on the CPU, unless \
            --engine says otherwise.
            """,
        version: swageVersion,
        subcommands: [
            SFTCommand.self, DPOCommand.self, GRPOCommand.self, EvaluateCommand.self, GenerateCommand.self, InspectCommand.self, DataCommand.self,
            ModelsCommand.self, ConformanceCommand.self,
        ] + servingCommands)

    #if Engines
    private static let servingCommands: [any ParsableCommand.Type] = [
        ServeCommand.self, TrainerCommand.self, SetupCommand.self, HostCommand.self,
    ]
    #else
    private static let servingCommands: [any ParsableCommand.Type] = []
    #endif

    static func main() async {
        occupyStandardDescriptors()
        // A reader that is gone, or a file that may not grow, is an error of the write, and ends nothing else.
        for number in [SIGPIPE, SIGXFSZ] { signal(number, SIG_IGN) }
        await Interrupt.cancelling {
            var given: GivenOptions?
            do {
                try requireText()
                let understood = try understand(Array(CommandLine.arguments.dropFirst()))
                given = understood.given
                var command = try await found(understood.command)
                guard var asynchronous = command as? any AsyncParsableCommand else { return try command.run() }
                Interrupt.heed()
                try await asynchronous.run()
            } catch {
                end(with: error, given)
            }
        }
    }

    /// The command with its model and its data on this disk.
    private static func found(_ command: any ParsableCommand) async throws -> any ParsableCommand {
        var command = command
        if var reading = command as? any ModelReading {
            try await reading.findModel()
            command = reading
        }
        if var naming = command as? any DataNaming {
            try await naming.findData()
            command = naming
        }
        return command
    }

    /// Two names whose bytes are no text would both be read as one that is neither.
    private static func requireText() throws {
        for number in 1..<max(1, Int(CommandLine.argc)) {
            guard let word = CommandLine.unsafeArgv[number], String(validatingCString: word) == nil else { continue }
            throw UsageError("word \(number) of the command, \(String(cString: word)), is not UTF-8", expected: "names and texts in UTF-8")
        }
    }

    /// The command that was asked for, with its options, and which of them were given.
    /// - Throws: ``UsageError`` for what is not understood; what ArgumentParser throws for help.
    static func understand(_ arguments: [String]) throws -> (command: any ParsableCommand, given: GivenOptions?) {
        let understood = try GivenArguments(arguments)
        let command: any ParsableCommand
        do {
            command = try parseAsRoot(understood.arguments)
        } catch let error where understood.given != nil && exitCode(for: error) == .validationFailure {
            throw UsageError(understood.given!.placed(sentence(message(for: error))))
        }
        if let given = understood.given { try (command as? any OptionChecking)?.check(given) }
        return (command, understood.given)
    }

    /// Says what went wrong, in a sentence, and ends: 64 for a command that is not understood, 1 for a failure.
    private static func end(with error: any Error, _ given: GivenOptions?) -> Never {
        switch error {
        case let error as UsageError: fail(given?.placed(error.description) ?? error.description, .validationFailure)
        case let error as TrainerError: fail(given?.inUsersWords(error) ?? error.description)
        case is CancellationError: fail("stopped", Interrupt.exitCode)
        case is ExitCode: exit(withError: error)
        case is ReaderIsGone: Foundation.exit(ReaderIsGone.exitCode)
        default: break
        }
        switch exitCode(for: error) {
        case .success: printHelp(fullMessage(for: error))
        case .validationFailure: fail(message(for: error), .validationFailure)
        default: fail(error.summary)
        }
    }

    /// Prints what was asked for in place of a command.
    private static func printHelp(_ text: String) -> Never {
        do {
            if !text.isEmpty { try printLine(text) }
        } catch {
            end(with: error, nil)
        }
        Foundation.exit(0)
    }

    private static func fail(_ message: String, _ code: ExitCode = .failure) -> Never {
        writeToStandardError("swage: \(sentence(message))\n")
        Foundation.exit(code.rawValue)
    }

    /// A message with one mark at its end.
    static func sentence(_ message: String) -> String {
        var text = message.trimmingCharacters(in: .whitespacesAndNewlines)
        while text.hasSuffix("..") && !text.hasSuffix("...") { text.removeLast() }
        return text.last.map { ".!?…".contains($0) } ?? true ? text : text + "."
    }
}
