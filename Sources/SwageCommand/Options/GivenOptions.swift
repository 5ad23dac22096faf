import Foundation
import Swage

/// The options that a person gave, typed or in a recipe, as opposed to those that have their defaults.
package struct GivenOptions: Sendable {
    /// Where an option was given.
    enum Place: Sendable, Equatable {
        case typed
        case recipe(path: String, line: Int, key: String)
    }

    let command: CommandTable
    private let places: [String: Place]

    init(_ command: CommandTable, _ settings: [GivenSetting]) {
        self.command = command
        places = Dictionary(settings.filter(\.isAsked).map { ($0.option.name, $0.place) }) { first, _ in first }
    }

    /// Whether it was given, and asks for something: a flag that is put to what it is anyway does not.
    func contains(_ name: String) -> Bool {
        precondition(command.option(name) != nil, "\(command.name) has no option \(name)")
        return places[name] != nil
    }

    /// Whether it was given on the command line itself.
    func isTyped(_ name: String) -> Bool { places[name] == .typed }

    /// What to call an option in an error: as it was typed, or where it stands in the recipe.
    func name(of option: String) -> String {
        guard case .recipe(let path, let line, let key)? = places[option] else { return "--" + option }
        return "\(path), line \(line): \(key)"
    }

    /// - Throws: ``UsageError`` unless the value of an option fits.
    func require(_ fits: Bool, _ name: String, _ value: some CustomStringConvertible, _ expected: String) throws {
        guard !fits else { return }
        throw UsageError("\(self.name(of: name)) is \(value)", expected: expected)
    }

    /// - Throws: ``UsageError`` unless a number of things is one that can be had.
    func requireCount(_ name: String, _ value: Int, least: Int = 1, most: Int = Self.mostAtOnce) throws {
        try require(value >= least, name, value, "\(least) or more")
        try require(value <= most, name, value, "at most \(most)")
    }

    /// More than this fits in no memory, whatever is counted that lies there at once.
    static let mostAtOnce = 1 << 20
    /// Of what is counted one after another.
    static let mostInARow = 1 << 53

    /// - Throws: ``UsageError`` if one of these options was given, where none of them has an effect.
    /// - Parameters:
    ///   - reason: why, so that it stands behind "has no effect".
    ///   - expected: what would let it have one.
    func refuse(_ names: [String], where isIdle: Bool = true, _ reason: @autoclosure () -> String, expected: String? = nil) throws {
        guard isIdle, let name = names.first(where: contains) else { return }
        let place = self.name(of: name)
        throw UsageError(
            "\(place) has no effect \(reason())", expected: (expected.map { $0 + ", or " } ?? "") + "to leave it out")
    }
}

/// An option with its value, as it was given.
struct GivenSetting: Sendable {
    let option: CommandOption
    /// What it is; none for flags.
    var values: [String] = []
    /// Whether a flag is on.
    var isOn = true
    let place: GivenOptions.Place

    /// Whether it says anything beyond what is so without it.
    var isAsked: Bool {
        if case .flag(let isOnByDefault) = option.kind { return isOn != isOnByDefault }
        return true
    }

    /// As ArgumentParser reads it.
    var arguments: [String] {
        if option.isFlag {
            if isOn { return ["--" + option.name] }
            return option.isInvertible ? ["--no-" + option.name] : []
        }
        // Behind = an empty value is none to it, and a mark that begins one makes one character with the sign.
        return values.flatMap { $0.isEmpty || !"=\($0)".dropFirst().elementsEqual($0) ? ["--" + option.name, $0] : ["--\(option.name)=\($0)"] }
    }
}

/// A command whose options depend on each other.
protocol OptionChecking {
    /// - Throws: ``UsageError`` for an option that has no effect beside the others, or a value that makes no sense.
    func check(_ given: GivenOptions) throws
}

extension GivenOptions {
    /// An error with the line of a recipe in place of a flag that nobody has typed. What is expected may well be typed.
    func placed(_ error: String) -> String {
        let end = error.range(of: "; expected")?.lowerBound ?? error.endIndex
        var found = String(error[..<end])
        for option in command.options where contains(option.name) && !isTyped(option.name) {
            guard let flag = try? Regex("--\(option.name)(?![\\w-])") else { continue }
            found = found.replacing(flag, with: name(of: option.name))
        }
        return found + error[end...]
    }

    /// An error about an option, with the name that the person knows it by in place of the property's.
    func inUsersWords(_ error: TrainerError) -> String {
        guard error.code == .invalidOption else { return error.description }
        var text = error.description
        for option in command.options {
            for property in [option.property] + Self.otherProperties.filter({ $1 == option.name }).map(\.key) {
                if text.hasPrefix(property + " ") {
                    text = name(of: option.name) + text.dropFirst(property.count)
                } else if property.contains(where: \.isUppercase), let regex = try? Regex("\\b\(property)\\b") {
                    text = text.replacing(regex, with: name(of: option.name))
                }
            }
        }
        return text
    }

    /// Properties whose options have other names.
    private static let otherProperties = [
        "totalSteps": "steps", "accumulation": "gradient-accumulation", "rows": "batch-size", "heldOutProblems": "held-out-limit",
        "keptCheckpoints": "keep-checkpoints", "isAsynchronous": "async",
    ]
}

extension CommandOption {
    /// `learning-rate` is `learningRate`.
    fileprivate var property: String {
        let words = name.split(separator: "-")
        return words.prefix(1).joined() + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }
}
