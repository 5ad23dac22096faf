import ArgumentParser

/// What can be done with data alone.
struct DataCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "Look at data as a model reads it, or import it.",
        subcommands: [DataShowCommand.self] + importCommands)

    #if Engines
    private static let importCommands: [any ParsableCommand.Type] = [DataImportCommand.self]
    #else
    private static let importCommands: [any ParsableCommand.Type] = []
    #endif
}
