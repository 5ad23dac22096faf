/// What a person typed after a command: its options, and the words beside them.
struct TypedArguments {
    private(set) var settings: [GivenSetting] = []
    private(set) var words: [String] = []

    /// - Throws: ``UsageError`` for an option that the command does not have, or that has not the value it takes.
    init(_ arguments: [String], of command: CommandTable) throws {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                words += rest
                break
            }
            guard argument.hasPrefix("-"), argument != "-" else {
                words.append(argument)
                continue
            }
            try read(argument, &rest, command)
        }
        mergeRepeated()
    }

    private mutating func read(_ argument: String, _ rest: inout ArraySlice<String>, _ command: CommandTable) throws {
        // By scalars: a mark that begins the value would make one character with the sign.
        let parts = argument.unicodeScalars.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map { String($0) }
        guard argument.hasPrefix("--"), let (option, isOn) = command.named(String(parts[0].dropFirst(2))) else {
            throw command.unknown(parts[0])
        }
        var setting = GivenSetting(option: option, isOn: isOn, place: .typed)
        if option.isFlag {
            guard parts.count == 1 else {
                throw UsageError("\(parts[0]) takes no value", expected: option.isInvertible ? "--\(option.name) or --no-\(option.name)" : parts[0])
            }
        } else if parts.count == 2 {
            setting.values = [parts[1]]
        } else {
            while let next = rest.first, option.takes(next), setting.values.isEmpty || option.takesFurther(next, of: command) {
                setting.values.append(next)
                rest.removeFirst()
            }
            guard !setting.values.isEmpty else {
                let looks = rest.first.map { $0.hasPrefix("--") ? "" : "; what begins with - is given as \(parts[0])=\($0)" } ?? ""
                throw UsageError("\(parts[0]) has no value", expected: option.expected + looks)
            }
        }
        for value in setting.values where !option.accepts(value) {
            throw UsageError("\(parts[0]) is \"\(value)\"", expected: option.expected, didYouMean: option.nearest(to: value))
        }
        settings.append(setting)
    }

    /// A list goes on where its option is given again; of all else what is typed last counts.
    private mutating func mergeRepeated() {
        var merged: [GivenSetting] = []
        for setting in settings {
            guard let index = merged.firstIndex(where: { $0.option.name == setting.option.name }) else {
                merged.append(setting)
                continue
            }
            if setting.option.isList { merged[index].values += setting.values } else { merged[index] = setting }
        }
        settings = merged
    }
}

extension CommandTable {
    /// The option that a name stands for, and whether the name turns it on.
    func named(_ name: String) -> (CommandOption, isOn: Bool)? {
        if let option = option(name) { return (option, true) }
        guard name.hasPrefix("no-"), let option = option(String(name.dropFirst(3))), option.isInvertible else { return nil }
        return (option, false)
    }

    /// What to say of an option that was typed and is none.
    func unknown(_ typed: String) -> UsageError {
        let name = typed.drop { $0 == "-" }.replacing("_", with: "-")
        if option(String(name)) == nil, let owner = Self.owners(of: String(name)) {
            return UsageError("\(typed) is an option of \(owner), and not of \(self.name)")
        }
        let names = options.flatMap { $0.isInvertible ? ["--" + $0.name, "--no-" + $0.name] : ["--" + $0.name] }
        return UsageError("\(typed) is no option of \(self.name.isEmpty ? "swage" : self.name)", didYouMean: names.nearest(to: "--" + name))
    }

    /// The commands that have an option, in words; nil if there are none.
    static func owners(of name: String) -> String? {
        let owners = program.all.filter { $0.option(name) != nil }.map(\.name)
        guard let last = owners.last else { return nil }
        return owners.count == 1 ? last : owners.dropLast().joined(separator: ", ") + " and " + last
    }
}

extension CommandOption {
    /// Whether a word can be a value of it that stands apart from its name: it is no option itself.
    fileprivate func takes(_ word: String) -> Bool { !word.hasPrefix("-") || word == "-" || Double(word) != nil }

    func nearest(to value: String) -> String? {
        if case .choice(let words) = kind { words.nearest(to: value) } else { nil }
    }
}

extension CommandOption {
    /// Whether a word behind the first value is a value too. A recipe is none, wherever it stands.
    fileprivate func takesFurther(_ word: String, of command: CommandTable) -> Bool {
        guard takesWordsBehind else { return false }
        return !(command.takesRecipe && [".yaml", ".yml"].contains(where: word.lowercased().hasSuffix))
    }
}
