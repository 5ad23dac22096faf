import ArgumentParser
import Foundation

/// What the results of a command depend on, out of its options, by the names of their flags.
///
/// Every option counts that is not listed here as one that changes no result, so that none is forgotten.
enum RunSettings {
    /// - Parameter others: further options of this command that change no result.
    static func of(_ command: some ParsableArguments, but others: Set<String> = []) -> [String: String] {
        var settings: [String: String] = [:]
        collect(command, into: &settings)
        return settings.filter { !changingNothing.contains($0.key) && !others.contains($0.key) }
    }

    static let changingNothing: Set = [
        // Where something lies, or listens: what is there counts, by its content.
        "model", "data", "held-out", "problems", "output", "address", "hosts", "mesh-address", "token-file", "trust-roots",
        // What is shown, and what is kept.
        "log-level", "json", "profile", "show-every", "save-every", "keep-checkpoints", "restart",
        // How patient a run is with rewards, on whatever machine it goes on.
        "reward-timeout",
    ]

    private static func collect(_ options: Any, into settings: inout [String: String]) {
        for child in Mirror(reflecting: options).children {
            guard let label = child.label, let wrapper = child.value as? any OptionWrapper else { continue }
            let value = wrapper.anyValue
            if let optimizer = value as? OptimizerArguments {
                // What is not given has a value all the same, which the same command may name.
                settings.merge(optimizer.resolved) { $1 }
            } else if value is any ParsableArguments {
                collect(value, into: &settings)
            } else {
                settings[flag(label)] = text(value)
            }
        }
    }

    /// `_topK` is the property of the flag `top-k`.
    private static func flag(_ label: String) -> String {
        label.drop { $0 == "_" }.reduce(into: "") { $0 += $1.isUppercase ? "-\($1.lowercased())" : String($1) }
    }

    private static func text(_ value: Any) -> String {
        let mirror = Mirror(reflecting: value)
        if mirror.displayStyle == .optional { return mirror.children.first.map { text($0.value) } ?? "none" }
        if let values = value as? [Any] { return values.map(text).joined(separator: ", ") }
        if let named = value as? any RawRepresentable { return "\(named.rawValue)" }
        return "\(value)"
    }
}

/// A property that stands for a flag, or for a group of them.
private protocol OptionWrapper {
    var anyValue: Any { get }
}

extension Option: OptionWrapper {
    var anyValue: Any { wrappedValue }
}

extension Flag: OptionWrapper {
    var anyValue: Any { wrappedValue }
}

extension OptionGroup: OptionWrapper {
    var anyValue: Any { wrappedValue }
}
