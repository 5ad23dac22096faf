import Foundation
import Swage
import SwageCommand
import Testing
import TestSupport

/// Random recipes, and random edits of them: every word of a command line and every key of a recipe has its effect, or is
/// refused. None is ignored.
@Suite struct RecipeEditTests {
    /// What a person writes for an option.
    private enum Written: Equatable {
        case absent
        case flag(Bool)
        /// A number, as it is written and as a value.
        case number(String)
        case text(String)
        case list([Written])

        /// In YAML, on one line.
        var yaml: String {
            switch self {
            case .absent: "null"
            case .flag(let value): "\(value)"
            case .number(let text): text
            case .text(let text): Self.quoted(text)
            case .list(let values): "[" + values.map(\.yaml).joined(separator: ", ") + "]"
            }
        }

        /// As it is typed behind an option; nil for what cannot be typed.
        func arguments(_ name: String) -> [String]? {
            switch self {
            case .absent, .list([]): nil
            case .flag(let value): [value ? "--\(name)" : "--no-\(name)"]
            case .number(let text), .text(let text): ["--\(name)=\(text)"]
            case .list(let values): values.compactMap { $0.arguments(name)?.first }
            }
        }

        /// The values that the option then has; nil for those that it has by default.
        var values: [String]? {
            switch self {
            case .absent: nil
            case .flag(let value): ["\(value)"]
            case .number(let text), .text(let text): [text]
            case .list(let values): values.isEmpty ? nil : values.compactMap { $0.values?.first }
            }
        }

        private static func quoted(_ text: String) -> String {
            String(decoding: try! JSONEncoder().encode(text), as: UTF8.self).replacing("\\/", with: "/")
        }
    }

    /// Options that have an effect together, each with values that are right for it.
    private static let options: [String: [(name: String, values: [Written])]] = [
        "sft": [
            ("learning-rate", ["1e-4", "0.5", "3", ".5", "1.5E-3"].map { .number($0) }), ("steps", ["20", "7"].map { .number($0) }),
            ("weight-decay", ["0", "1e-2"].map { .number($0) }), ("batch-size", [.number("2")]), ("save-every", [.number("5")]),
            ("packing", [.flag(true), .flag(false)]), ("restart", [.flag(true), .flag(false)]), ("json", [.flag(true), .flag(false)]),
            ("schedule", ["linear", "cosine", "constant"].map { .text($0) }), ("loss-on", [.text("all")]),
            ("prompt", ["yes", "no", "true", "5", "-1", "@a", "- x", "a: b", "", "~", "tab\tnew\nline", "né 中 🙂"].map { .text($0) }),
            ("chat-template", [.text("chatml")]), ("log-level", [.text("error")]),
        ],
        "grpo": [
            ("reward", [.list([.text("exact_match")]), .list([.text("number"), .text("finished:0.1")]), .text("contains")]),
            ("stop", [.list([.text("Q:"), .text("\n\n")]), .text("-"), .list([.text("yes")]), .list([])]),
            ("max-tokens", [.number("8")]), ("temperature", ["0.5", "1"].map { .number($0) }), ("group-size", [.number("4")]),
            ("async", [.flag(true), .flag(false)]), ("mask-overlong", [.flag(true), .flag(false)]),
            ("kl-coefficient", [.number("1e-3")]), ("normalization", [.text("constant")]), ("scale", [.text("none")]),
            ("importance-cap", [.number("2"), .number(".5")]), ("on-failure", [.text("drop")]),
        ],
        "dpo": [
            ("beta", ["0.1", "1"].map { .number($0) }), ("loss", [.text("ipo"), .text("hinge")]), ("microbatch", [.number("3")]),
            ("skip-bad-lines", [.flag(true), .flag(false)]), ("warmup-steps", [.number("4")]), ("threads", [.number("1")]),
            ("keep-checkpoints", [.number("3")]), ("beta1", [.number("0.5")]),
        ],
        "evaluate": [
            ("pass-at", [.list([.number("1"), .number("8")]), .number("4")]), ("concurrency", [.number("8")]),
            ("seed", [.number("3")]), ("limit", [.number("9")]), ("stop", [.text("a"), .list([.text("0x10"), .text("null")])]),
            ("reward", [.text("exact-match")]), ("json", [.flag(true), .flag(false)]), ("top-p", [.number("0.5")]),
        ],
    ]

    private static let needed: [String: [String]] = [
        "sft": ["--model=m", "--data=d", "--output=o"], "dpo": ["--model=m", "--data=d", "--output=o"],
        "grpo": ["--model=m", "--arithmetic=1", "--output=o", "--updates-per-rollout=2"], "evaluate": ["--model=m", "--arithmetic=1", "--samples=8"],
    ]

    /// One command line, in the making.
    private struct Trial {
        var command: String
        /// Lines of the recipe: the option that is meant, the key as it is written, and the value.
        var recipe: [(option: String, key: String, value: Written)] = []
        var typed: [(option: String, value: Written)] = []
        /// Whether everything in it is right.
        var isRight = true
        var edits: [String] = []
    }

    /// How many recipes; `make fuzz-files` asks for more.
    private static let count = ProcessInfo.processInfo.environment["SWAGE_RECIPE_EDITS"].flatMap { Int($0) } ?? 10_000

    @Test(.timeLimit(.minutes(60))) func damagedBytesAreUnderstoodOrRefusedInASentence() async throws {
        let whole =
            "# what to do\nmodel: m\ndata: 'd.jsonl'\noutput: runs/mine\nsteps: 3\nlearning_rate: 1e-4\nprompt: \"h\\u00e9\\n\"\nreward: [number]\nstop:\n  - Q\n"
        try await withTemporaryDirectory { directory in
            var random = RandomNumbers(seed: 3)
            let path = directory + "/recipe.yaml"
            var refused = 0
            for number in 0..<Self.count / 4 {
                var bytes = Array(whole.utf8)
                for _ in 0...random.size(0...3) {
                    let place = random.size(0...bytes.count - 1)
                    switch random.size(0...3) {
                    case 0: bytes[place] = UInt8(random.size(0...255))
                    case 1: bytes.remove(at: place)
                    case 2: bytes.insert(contentsOf: Array(["&a ", "*a", "<<: ", "!!int ", "|\n", "? ", "{", "\t", "- "][random.size(0...8)].utf8), at: place)
                    default: bytes.removeSubrange(place..<min(bytes.count, place + random.size(0...9)))
                    }
                }
                try Data(bytes).write(to: URL(fileURLWithPath: path))
                do {
                    _ = try UnderstoodOptions.of(["grpo", path, "--model=m", "--output=o", "--data=d"])
                } catch let error as UsageError {
                    refused += 1
                    let isReadable = error.description.count < 1000 && !error.description.contains { $0.isASCII && ($0.asciiValue ?? 32) < 32 }
                    if !isReadable || error.description.contains("Yams") { Issue.record("\(number): \(error)\n\(String(decoding: bytes, as: UTF8.self))") }
                } catch {
                    Issue.record("\(number) ends with another error: \(error)\n\(String(decoding: bytes, as: UTF8.self))")
                }
            }
            #expect(refused > Self.count / 10, "\(refused)")
        }
    }

    @Test(.timeLimit(.minutes(60))) func tenThousandEditsAreHonouredOrRefused() async throws {
        let defaults = try Dictionary(uniqueKeysWithValues: Self.needed.map { ($0, try UnderstoodOptions.of([$0] + $1)) })
        try await withTemporaryDirectory { directory in
            try await withThrowingTaskGroup(of: (Int, Int).self) { group in
                for worker in 0..<4 {
                    group.addTask { try Self.work(worker, Self.count / 4, directory, defaults) }
                }
                let (honoured, refused) = try await group.reduce((0, 0)) { ($0.0 + $1.0, $0.1 + $1.1) }
                #expect(honoured > Self.count / 5 && refused > Self.count / 5, "\(honoured) honoured, \(refused) refused")
            }
        }
    }

    private static func work(
        _ worker: Int, _ count: Int, _ directory: String, _ defaults: [String: [String: [String]]]
    ) throws -> (Int, Int) {
        var random = RandomNumbers(seed: UInt64(worker))
        var (honoured, refused) = (0, 0)
        for number in 0..<count {
            var trial = make(&random)
            for _ in 0..<random.size(1...2) { edit(&trial, &random) }
            let path = "\(directory)/recipe-\(worker)"
            let text = trial.recipe.map { "\($0.key): \($0.value.yaml)\n" }.joined()
            try text.write(toFile: path, atomically: false, encoding: .utf8)
            let typed = trial.typed.flatMap { $0.value.arguments($0.option) ?? [] }
            // What is typed or in the recipe takes the place of what is needed.
            let given = Set(trial.recipe.map(\.option) + trial.typed.map(\.option))
            let needed = needed[trial.command]!.filter { argument in !given.contains { argument.hasPrefix("--\($0)=") } }
            let place = random.size(0...1)
            let arguments = [trial.command] + (place == 0 ? [path] : []) + needed + typed + (place == 1 ? [path] : [])
            let story = "worker \(worker), trial \(number): \(trial.edits)\nswage \(arguments)\n\(text)"
            do {
                let found = try UnderstoodOptions.of(arguments)
                honoured += 1
                if let fault = fault(trial, found, defaults[trial.command]!) { Issue.record("\(fault)\n\(story)") }
                if !trial.isRight, trial.edits.count == 1 { Issue.record("it was not refused: \(story)") }
            } catch {
                refused += 1
                if trial.isRight { Issue.record("refused by \(error)\n\(story)") }
            }
        }
        return (honoured, refused)
    }

    /// What is in the recipe or typed, and is not so.
    private static func fault(_ trial: Trial, _ found: [String: [String]], _ defaults: [String: [String]]) -> String? {
        var wanted = trial.recipe.map { ($0.option, $0.value) }.filter { entry in !trial.typed.contains { $0.option == entry.0 } }
        wanted += trial.typed.map { ($0.option, $0.value) }
        for (option, value) in wanted {
            let property = property(option)
            let right = value.values ?? defaults[property] ?? []
            let values = found[property] ?? []
            let isSame = right.count == values.count && zip(right, values).allSatisfy { $0 == $1 || (Double($0) != nil && Double($0) == Double($1)) }
            if !isSame { return "\(option) is \(values), not \(right)" }
        }
        return nil
    }

    private static func property(_ option: String) -> String {
        let words = option.split(separator: "-")
        return words[0] + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    private static func make(_ random: inout RandomNumbers) -> Trial {
        var trial = Trial(command: options.keys.sorted()[random.size(0...3)])
        for (name, values) in random.shuffled(options[trial.command]!).prefix(random.size(1...6)) {
            let value = values[random.size(0...values.count - 1)]
            let separator = random.size(0...3) == 0 ? "-" : "_"
            trial.recipe.append((name, name.replacing("-", with: separator), value))
        }
        return trial
    }

    private static func edit(_ trial: inout Trial, _ random: inout RandomNumbers) {
        guard !trial.recipe.isEmpty else { return }
        let index = random.size(0...trial.recipe.count - 1)
        let entry = trial.recipe[index]
        func note(_ what: String) { trial.edits.append("\(what) \(entry.key)") }
        switch random.size(0...8) {
        case 0:
            note("misspelt")
            var letters = Array(entry.key)
            let place = random.size(0...letters.count - 1)
            if random.size(0...1) == 0 { letters.remove(at: place) } else { letters.insert("q", at: place) }
            // Some misspellings are other options.
            if UnderstoodOptions.names[trial.command]!.contains(String(letters).replacing("_", with: "-")) { letters.append("q") }
            trial.recipe[index].key = String(letters)
            trial.isRight = false
        case 1:
            note("in capitals")
            trial.recipe[index].key = entry.key.uppercased()
            trial.isRight = false
        case 2:
            note("null")
            trial.recipe[index].value = .absent
        case 3, 4:
            guard entry.value.arguments(entry.option) != nil, !trial.typed.contains(where: { $0.option == entry.option }) else { return }
            note("moved to the command line")
            trial.recipe.remove(at: index)
            trial.typed.append((entry.option, entry.value))
        case 5:
            guard entry.value.arguments(entry.option) != nil, !trial.typed.contains(where: { $0.option == entry.option }) else { return }
            note("typed as well, with another value")
            let values = options[trial.command]!.first { $0.name == entry.option }!.values
            let value = values[random.size(0...values.count - 1)]
            if value.arguments(entry.option) != nil { trial.typed.append((entry.option, value)) }
        case 6:
            switch entry.value {
            case .list(let values) where values.count == 1:
                note("a value in place of a list")
                trial.recipe[index].value = values[0]
            case .list, .absent: return
            default:
                note("a list in place of a value")
                trial.recipe[index].value = .list([entry.value])
                trial.isRight = trial.isRight && ["reward", "stop", "pass-at"].contains(entry.option)
            }
        case 7:
            switch entry.value {
            case .number(let text):
                note("a text in place of a number")
                trial.recipe[index].value = .text(text)
                trial.isRight = false
            case .flag(let value):
                note("a text in place of a flag")
                trial.recipe[index].value = .text("\(value)")
                trial.isRight = false
            case .text where ["prompt", "chat-template"].contains(entry.option):
                note("a number in place of a text")
                trial.recipe[index].value = .number("1e3")
            default: return
            }
        default:
            note("written twice")
            trial.recipe.append(entry)
            trial.isRight = false
        }
    }
}
