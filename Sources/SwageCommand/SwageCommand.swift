import ArgumentParser
import Foundation
import Swage

@main
struct SwageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swage",
        abstract: "Post-training for language models.",
        discussion: """
            Fine-tunes a model on conversations, measures it, lets it write. A model is a GGUF file, or a folder in \
            Hugging Face's layout. Training runs in this process, on the CPU, unless --engine says otherwise.
            """,
        version: "0.1.0",
        subcommands: [
            SFTCommand.self, DPOCommand.self, GRPOCommand.self, EvaluateCommand.self, GenerateCommand.self, InspectCommand.self, ConformanceCommand.self,
        ] + servingCommands)

    #if Engines
        private static let servingCommands: [any ParsableCommand.Type] = [
            ServeCommand.self, TrainerCommand.self, SetupCommand.self, HostCommand.self,
        ]
    #else
        private static let servingCommands: [any ParsableCommand.Type] = []
    #endif

    static func main() async {
        var recipe: String?
        do {
            let expanded = try RecipeArguments(Array(CommandLine.arguments.dropFirst()))
            recipe = expanded.recipe
            var command = try parseAsRoot(expanded.arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as TrainerError {
            fail("\(error).")
        } catch is CancellationError {
            fail("interrupted.")
        } catch {
            if let recipe, exitCode(for: error) == .validationFailure {
                writeToStandardError("In \(recipe), a key such as some_key stands for the flag --some-key.\n")
            }
            exit(withError: error)
        }
    }

    private static func fail(_ message: String) -> Never {
        writeToStandardError("swage: \(message)\n")
        Foundation.exit(1)
    }
}

/// Writes what a person should see and a pipe should not.
func writeToStandardError(_ text: String) {
    FileHandle.standardError.write(Data(text.utf8))
}
