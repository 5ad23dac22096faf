import Foundation
import Swage
import SwageText
import Yams

/// Command-line arguments in which a YAML recipe has been replaced by the flags that it stands for.
///
/// The key `learning_rate: 1e-4` is the flag `--learning-rate 1e-4`; `packing: false` is `--no-packing`. The recipe's
/// flags come before the others, so that what is typed counts.
struct RecipeArguments {
    let arguments: [String]
    /// The recipe's path, if one was given.
    let recipe: String?

    /// - Parameter arguments: a subcommand, and directly after it perhaps a recipe.
    /// - Throws: ``TrainerError`` with code `invalidOption` for a recipe that cannot be read.
    init(_ arguments: [String]) throws {
        guard arguments.count > 1, ["yaml", "yml"].contains(URL(fileURLWithPath: arguments[1]).pathExtension) else {
            self.arguments = arguments
            recipe = nil
            return
        }
        recipe = arguments[1]
        self.arguments = arguments.prefix(2) + (try Self.flags(of: arguments[1])) + arguments.dropFirst(2)
    }

    private static func flags(of path: String) throws -> [String] {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw TrainerError(
                .inputOutput, "the recipe \(path) cannot be read: \(error.summary)")
        }
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch {
            throw TrainerError(.invalidOption, "the recipe \(path) is not YAML: \(error)")
        }
        guard let mapping = node?.mapping else {
            throw TrainerError(.invalidOption, "the recipe \(path) holds no keys", expected: "lines such as \"steps: 100\"")
        }
        return try mapping.flatMap { key, value in
            let flag = (key.string ?? "?").replacingOccurrences(of: "_", with: "-")
            if let values = value.sequence?.compactMap(\.scalar?.string), values.count == value.sequence?.count {
                return ["--\(flag)"] + values
            }
            guard let scalar = value.scalar else {
                let line = value.mark.map { ", line \($0.line)" } ?? ""
                throw TrainerError(
                    .invalidOption, "\(path)\(line): the key \"\(key.string ?? "?")\" holds a mapping",
                    expected: "one value a key, or a list of values")
            }
            // Only what YAML itself takes for a flag: a quoted "true" is a text.
            switch (scalar.style, value.bool) {
            case (.plain, true?): return ["--\(flag)"]
            case (.plain, false?): return ["--no-\(flag)"]
            default: return value.null != nil ? [] : ["--\(flag)=\(scalar.string)"]
            }
        }
    }
}
