import ArgumentParser

/// One option of a command, as its declaration has it.
struct CommandOption: Sendable {
    /// What an option takes.
    enum Kind: Sendable, Equatable {
        /// Nothing: it is on or off.
        case flag(isOnByDefault: Bool)
        case text, integer, number
        /// One of these words.
        case choice([String])
    }

    /// Without dashes before it, such as `learning-rate`.
    let name: String
    let kind: Kind
    /// Whether it takes several values.
    let isList: Bool
    /// Whether it takes all words behind it, up to the next option.
    let takesWordsBehind: Bool
    let isRequired: Bool
    /// Whether there is a `--no-` form.
    let isInvertible: Bool
    /// Whether it has values where none are given.
    let hasDefault: Bool
    let help: String
    /// Whether the declared type takes a value.
    let accepts: @Sendable (String) -> Bool

    /// The name as a key of a recipe.
    var key: String { name.replacing("-", with: "_") }

    var isFlag: Bool { if case .flag = kind { true } else { false } }

    /// What it takes, in words.
    var expected: String {
        switch kind {
        case .flag: "true or false"
        case .text: "a text"
        case .integer: "a whole number"
        case .number: "a number"
        case .choice(let words): words.count == 1 ? words[0] : words.dropLast().joined(separator: ", ") + " or " + words.last!
        }
    }
}

extension CommandOption {
    /// The types that options of a command take, by the options' names. ArgumentParser tells all else of them, and not this.
    static func types(of command: any ParsableArguments.Type) -> [String: any ExpressibleByArgument.Type] {
        var types: [String: any ExpressibleByArgument.Type] = [:]
        for child in Mirror(reflecting: command.init()).children {
            switch child.value {
            case let group as any DeclaredGroup:
                types.merge(Self.types(of: type(of: group).group)) { own, _ in own }
            case let option as any DeclaredOption:
                guard let label = child.label else { continue }
                types[name(ofProperty: label)] = type(of: option).element as? any ExpressibleByArgument.Type
            default: continue
            }
        }
        return types
    }

    static func kind(of type: (any ExpressibleByArgument.Type)?, words: [String]) -> Kind {
        switch type {
        case let type? where type is any FixedWidthInteger.Type: .integer
        case let type? where type is any BinaryFloatingPoint.Type: .number
        default: words.isEmpty ? .text : .choice(words)
        }
    }

    /// `_learningRate` is `learning-rate`.
    private static func name(ofProperty label: String) -> String {
        label.drop { $0 == "_" }.reduce(into: "") { name, letter in
            name += letter.isUppercase ? "-" + letter.lowercased() : String(letter)
        }
    }
}

private protocol DeclaredOption {
    static var element: Any.Type { get }
}

private protocol DeclaredGroup {
    static var group: any ParsableArguments.Type { get }
}

/// What holds one value or none, or several.
private protocol Holder {
    static var element: Any.Type { get }
}

extension Optional: Holder { fileprivate static var element: Any.Type { Wrapped.self } }
extension Array: Holder { fileprivate static var element: Any.Type { Element.self } }
extension Option: DeclaredOption { fileprivate static var element: Any.Type { (Value.self as? any Holder.Type)?.element ?? Value.self } }
extension OptionGroup: DeclaredGroup { fileprivate static var group: any ParsableArguments.Type { Value.self } }
