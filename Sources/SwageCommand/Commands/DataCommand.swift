import ArgumentParser

/// What can be done with data alone.
struct DataCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "Look at data as a model reads it.", subcommands: [DataShowCommand.self])
}
