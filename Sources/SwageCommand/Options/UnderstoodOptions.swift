import ArgumentParser

/// The values that options of a command have come to, whether they were given or not, by the names of their properties.
package enum UnderstoodOptions {
    /// - Parameter arguments: all that follows the program's name.
    /// - Returns: for each option its values as they would be typed: none for an option that has none.
    /// - Throws: ``UsageError`` for what the program would refuse before it does anything.
    package static func of(_ arguments: [String]) throws -> [String: [String]] {
        values(of: try SwageCommand.understand(arguments).command)
    }

    /// The options that commands have, by the words that call the commands.
    package static var names: [String: [String]] {
        Dictionary(uniqueKeysWithValues: CommandTable.program.all.map { ($0.name, $0.options.map(\.name)) })
    }

    private static func values(of arguments: Any) -> [String: [String]] {
        var values: [String: [String]] = [:]
        for child in Mirror(reflecting: arguments).children {
            if let group = child.value as? any ParsedGroup {
                values.merge(Self.values(of: group.parsed)) { own, _ in own }
            } else if let label = child.label, let option = child.value as? any ParsedOption {
                values[String(label.dropFirst())] = typed(option.parsed)
            }
        }
        return values
    }

    private static func typed(_ value: Any) -> [String] {
        switch value {
        case let list as [Any]: list.flatMap(typed)
        case let word as any RawRepresentable<String>: [word.rawValue]
        default:
            Mirror(reflecting: value).displayStyle == .optional
                ? Mirror(reflecting: value).children.flatMap { typed($0.value) } : ["\(value)"]
        }
    }
}

private protocol ParsedOption {
    var parsed: Any { get }
}

private protocol ParsedGroup {
    var parsed: Any { get }
}

extension Option: ParsedOption { fileprivate var parsed: Any { wrappedValue } }
extension Flag: ParsedOption { fileprivate var parsed: Any { wrappedValue } }
extension OptionGroup: ParsedGroup { fileprivate var parsed: Any { wrappedValue } }
