/// A command line that is understood: every word of it, and every key of its recipe, is an option of the command.
///
/// The key `learning_rate: 1e-4` is the option `--learning-rate 1e-4`; `packing: false` is `--no-packing`. What is typed
/// replaces what the recipe says.
struct GivenArguments {
    /// As ArgumentParser reads them.
    let arguments: [String]
    /// Nil where ArgumentParser answers by itself: a wish for help, or for what shells complete.
    let given: GivenOptions?

    /// - Parameter arguments: all that follows the program's name.
    /// - Throws: ``UsageError``.
    init(_ arguments: [String]) throws {
        let (command, used) = CommandTable.program.find(arguments)
        if arguments.isEmpty || Self.asksArgumentParser(arguments) {
            (self.arguments, given) = (arguments, nil)
            return
        }
        guard command.subcommands.isEmpty else {
            let names = command.subcommands.compactMap(\.path.last)
            let what = arguments.count > used ? "there is no command \(arguments[used])" : "\(command.name) is no command alone"
            throw UsageError(
                what, expected: "one of " + names.joined(separator: ", "),
                didYouMean: arguments.count > used ? names.nearest(to: arguments[used]) : nil)
        }
        let typed = try TypedArguments(Array(arguments.dropFirst(used)), of: command)
        try Self.check(typed.words, of: command)
        var settings = typed.settings
        if command.takesRecipe, let path = typed.words.first {
            let recipe = try Self.settings(of: RecipeFile(path: path), command)
            settings += recipe.filter { entry in !typed.settings.contains { $0.option.name == entry.option.name } }
        }
        for option in command.options where option.isRequired && !settings.contains(where: { $0.option.name == option.name }) {
            throw UsageError("--\(option.name) is missing", expected: option.help.prefix(1).lowercased() + option.help.dropFirst().sentence)
        }
        for setting in settings where setting.values.contains("") && !Self.mayBeEmpty.contains(setting.option.name) {
            throw UsageError("\(GivenOptions(command, settings).name(of: setting.option.name)) is empty", expected: setting.option.expected)
        }
        try Self.checkHome(typed.words.map { ("the path", $0) })
        try Self.checkHome(
            settings.filter { $0.option.kind == .text && !Self.isText.contains($0.option.name) }.flatMap { setting in
                setting.values.map { (GivenOptions(command, settings).name(of: setting.option.name), $0) }
            })
        let (plain, dashed) = (typed.words.filter { !$0.hasPrefix("-") }, typed.words.filter { $0.hasPrefix("-") })
        let called = Array(arguments[..<used])
        self.arguments = called + plain + settings.flatMap(\.arguments) + (dashed.isEmpty ? [] : ["--"]) + dashed
        given = GivenOptions(command, settings)
    }

    /// What a person may say nothing in.
    private static let mayBeEmpty: Set<String> = ["prompt", "system"]

    /// What is no path, whatever it begins with.
    private static let isText: Set<String> = ["prompt", "system", "stop"]

    /// Where a shell does not know a word for a path, as behind `--output=` or in a recipe, it leaves the home unnamed.
    private static func checkHome(_ values: [(place: String, value: String)]) throws {
        guard let (place, value) = values.first(where: { $0.value == "~" || $0.value.hasPrefix("~/") }) else { return }
        throw UsageError("\(place) is \(value), where ~ stands for nothing", expected: "the whole path, or ./\(value) for a folder of that name")
    }

    private static func asksArgumentParser(_ arguments: [String]) -> Bool {
        arguments[0] == "help"
            || arguments.prefix { $0 != "--" }.contains { argument in
                ["-h", "--help", "--help-hidden", "--version", "--experimental-dump-help"].contains(argument)
                    || argument.hasPrefix("--generate-completion-script") || argument.hasPrefix("---completion")
            }
    }

    private static func check(_ words: [String], of command: CommandTable) throws {
        guard command.words.last?.isRepeating != true, words.count > command.words.count else { return }
        let odd = words[command.words.count]
        if command.takesRecipe {
            throw UsageError("\(words[0]) and \(odd) stand beside the options", expected: "one recipe at most")
        }
        throw UsageError("\"\(odd)\" is no option of \(command.name)", expected: "a word that begins with --")
    }

    private static func settings(of recipe: RecipeFile, _ command: CommandTable) throws -> [GivenSetting] {
        var settings: [GivenSetting] = []
        for entry in recipe.entries {
            let place = "\(recipe.path), line \(entry.line)"
            let name = entry.key.replacing("_", with: "-")
            guard let option = command.option(name) else { throw command.unknownKey(entry.key, place) }
            if let other = settings.first(where: { $0.option.name == name }) {
                throw UsageError("\(place): \(entry.key) is there twice, with \(other.written)", expected: "it once")
            }
            let given = GivenOptions.Place.recipe(path: recipe.path, line: entry.line, key: entry.key)
            if let setting = try option.setting(entry.value, entry.key, place, given) { settings.append(setting) }
        }
        return settings
    }
}

extension GivenSetting {
    fileprivate var written: String { if case .recipe(_, _, let key) = place { key } else { "--" + option.name } }
}

extension CommandTable {
    fileprivate func unknownKey(_ key: String, _ place: String) -> UsageError {
        let name = key.replacing("_", with: "-")
        if let owner = Self.owners(of: name) {
            return UsageError("\(place): \(key) is an option of \(owner), and not of \(self.name)")
        }
        if name.hasPrefix("no-"), let option = option(String(name.dropFirst(3))), option.isFlag {
            return UsageError("\(place): \(key) is no key of \(self.name)", expected: "\(option.key): false")
        }
        return UsageError("\(place): \(key) is no key of \(self.name)", didYouMean: options.map(\.key).nearest(to: key))
    }
}

extension CommandOption {
    /// The setting that a recipe's value is; nil for none.
    ///
    /// A flag takes `true` and `false`, an option that takes a number a number, and a text whatever is written there.
    fileprivate func setting(
        _ value: RecipeFile.Value, _ key: String, _ place: String, _ given: GivenOptions.Place
    ) throws -> GivenSetting? {
        func odd(_ value: RecipeFile.Value, _ expected: String) -> UsageError {
            UsageError("\(place): \(key) is \(value.description)", expected: expected, didYouMean: nearest(to: value))
        }
        func text(_ value: RecipeFile.Value) throws -> String {
            guard let text = argument(value), accepts(text) else { throw odd(value, expected) }
            return text
        }
        switch value {
        case .absent: return nil
        case .list(let values):
            guard isList else { throw odd(value, "one value: \(expected)") }
            if values.isEmpty, hasDefault { throw odd(value, "one value or more") }
            return values.isEmpty ? nil : GivenSetting(option: self, values: try values.map(text), place: given)
        case .scalar(.flag(let isOn), _) where isFlag: return GivenSetting(option: self, isOn: isOn, place: given)
        case .scalar where isFlag: throw odd(value, expected)
        case .scalar: return GivenSetting(option: self, values: [try text(value)], place: given)
        }
    }

    /// A value as it would be typed; nil for one of another type.
    private func argument(_ value: RecipeFile.Value) -> String? {
        guard case .scalar(let scalar, let written) = value else { return nil }
        switch (kind, scalar) {
        case (.integer, .integer(let digits)), (.number, .integer(let digits)), (.number, .number(let digits)): return digits
        // A word that YAML takes for no text was hardly meant as one.
        case (.text, .flag): return nil
        case (.text, _), (.choice, .text): return written
        default: return nil
        }
    }

    private func nearest(to value: RecipeFile.Value) -> String? {
        if case .scalar(.text, let written) = value { nearest(to: written) } else { nil }
    }
}

extension Substring {
    /// What stands before the first point that ends a sentence.
    fileprivate var sentence: Substring {
        let end = indices.first { self[$0] == "." && (index(after: $0) == endIndex || self[index(after: $0)] == " ") }
        return self[..<(end ?? endIndex)]
    }
}
