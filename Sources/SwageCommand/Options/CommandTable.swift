import ArgumentParser
import Foundation

/// The options of a command. Everything in it comes from the command's own declarations.
struct CommandTable: Sendable {
    /// The words that call it, such as `sft`, or `trainer` and `status`.
    let path: [String]
    let options: [CommandOption]
    /// The words that it takes beside options.
    let words: [Word]
    let subcommands: [CommandTable]

    struct Word: Sendable {
        let name: String
        let isRepeating: Bool
    }

    var name: String { path.joined(separator: " ") }
    var takesRecipe: Bool { words.contains { $0.name == "recipe" } }

    func option(_ name: String) -> CommandOption? { options.first { $0.name == name } }

    /// The whole program.
    static let program = CommandTable(dump(), SwageCommand.self, path: [])

    /// Every command that can be called, this one among them.
    var all: [CommandTable] { [self] + subcommands.flatMap(\.all) }

    /// The command that words call, and how many of them do.
    func find(_ words: [String]) -> (command: CommandTable, used: Int) {
        guard let next = words.first, let found = subcommands.first(where: { $0.path.last == next }) else { return (self, 0) }
        let (command, used) = found.find(Array(words.dropFirst()))
        return (command, used + 1)
    }

    private init(_ dumped: Dumped.Command, _ type: any ParsableCommand.Type, path: [String]) {
        self.path = path
        let types = CommandOption.types(of: type)
        let arguments = dumped.arguments ?? []
        let names = Set(arguments.flatMap(\.longNames))
        words = arguments.filter { $0.kind == "positional" }.map { Word(name: $0.valueName ?? "", isRepeating: $0.isRepeating) }
        options = arguments.compactMap { argument in
            guard argument.kind != "positional", let name = argument.longNames.first, !["help", "version"].contains(name),
                !(name.hasPrefix("no-") && names.contains(String(name.dropFirst(3))))
            else { return nil }
            return CommandOption(argument, name, types[name], isInvertible: names.contains("no-" + name))
        }
        subcommands = type.configuration.subcommands.compactMap { subtype in
            let name = subtype._commandName
            return dumped.subcommands?.first { $0.commandName == name }.map { CommandTable($0, subtype, path: path + [name]) }
        }
    }

    private static func dump() -> Dumped.Command {
        // What ArgumentParser writes of declarations that compile is what it says it writes.
        try! JSONDecoder().decode(Dumped.self, from: Data(SwageCommand._dumpHelp().utf8)).command
    }
}

extension CommandOption {
    fileprivate init(
        _ argument: Dumped.Argument, _ name: String, _ type: (any ExpressibleByArgument.Type)?, isInvertible: Bool
    ) {
        let isFlag = argument.kind == "flag"
        let kind: Kind =
            isFlag ? .flag(isOnByDefault: argument.defaultValue == "--" + name) : CommandOption.kind(of: type, words: argument.allValues ?? [])
        self.init(
            name: name, kind: kind,
            isList: argument.isRepeating && !isFlag, takesWordsBehind: argument.parsingStrategy == "upToNextOption",
            isRequired: !argument.isOptional, isInvertible: isInvertible, hasDefault: argument.defaultValue != nil,
            help: argument.abstract ?? "", accepts: { type?.init(argument: $0) != nil && !(kind == .number && vanishes($0)) })
    }
}

/// Whether a number is so near to 0 that it would be read as 0.
private func vanishes(_ number: String) -> Bool {
    Double(number) == 0 && number.prefix { !"eEpP".contains($0) }.contains { "123456789".contains($0) }
}

/// What ArgumentParser tells of a program, as far as it is read here.
private struct Dumped: Decodable {
    let command: Command

    struct Command: Decodable {
        let commandName: String
        let arguments: [Argument]?
        let subcommands: [Command]?
    }

    struct Argument: Decodable {
        let kind: String
        let names: [Name]?
        let valueName: String?
        let isOptional: Bool
        let isRepeating: Bool
        let parsingStrategy: String?
        let defaultValue: String?
        let allValues: [String]?
        let abstract: String?

        var longNames: [String] { (names ?? []).filter { $0.kind == "long" }.map(\.name) }
    }

    struct Name: Decodable {
        let kind: String
        let name: String
    }
}
