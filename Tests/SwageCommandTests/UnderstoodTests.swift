import Foundation
import SwageCommand
import Testing
import TestSupport

/// What is refused and what is understood before anything is done: tables in `Tests/Cases`.
@Suite struct UnderstoodTests {
    /// A command line, perhaps with a recipe whose text stands in place of its path.
    private struct Line: Decodable, CustomStringConvertible {
        var run: [String]
        var recipe: String?
        /// What the error mentions; nil where there is none.
        var says: [String]?
        /// The values of options, by the names of their properties.
        var options: [String: [String]]?

        var description: String { "swage \(run.joined(separator: " "))\(recipe.map { "\n\($0)" } ?? "")" }
    }

    private static func lines(_ name: String) throws -> [Line] {
        let text = try String(contentsOfFile: "\(Case.root)/\(name).jsonl", encoding: .utf8)
        let lines = try text.split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
        // A build without the other engines has no such commands.
        return lines.filter { !["serve", "trainer"].contains($0.run[0]) || UnderstoodOptions.names["serve"] != nil }
    }

    /// What each command needs, unless a line says `!`.
    private static let needed = [
        "sft": ["--model", "m", "--data", "d", "--output", "o"], "dpo": ["--model", "m", "--data", "d", "--output", "o"],
        "grpo": ["--model", "m", "--output", "o"], "evaluate": ["--model", "m"], "generate": ["--model", "m", "--prompt", "p"],
        "conformance": ["--model", "m"], "serve": ["--model", "m"],
    ]

    private func read(_ line: Line, _ directory: String) throws -> [String: [String]] {
        let path = directory + "/some.yaml"
        if let recipe = line.recipe { try recipe.write(toFile: path, atomically: true, encoding: .utf8) }
        let isWhole = line.run.last == "!"
        let words = (isWhole ? line.run.dropLast() : line.run[...]).map { $0.replacingOccurrences(of: "{recipe}", with: path) }
        return try UnderstoodOptions.of(words + (isWhole ? [] : Self.needed[words[0]] ?? []))
    }

    @Test func whatHasNoEffectOrNoSenseIsRefusedInWordsThatNameIt() async throws {
        try await withTemporaryDirectory { directory in
            for line in try Self.lines("refused") {
                do {
                    _ = try read(line, directory)
                    Issue.record("not refused: \(line)")
                } catch let error as UsageError {
                    for word in line.says ?? [] where !error.description.contains(word) {
                        Issue.record("\(line) is refused without \(word): \(error)")
                    }
                } catch {
                    Issue.record("\(line) ends with another error: \(error)")
                }
            }
        }
    }

    @Test func whatIsWrittenIsUnderstood() async throws {
        try await withTemporaryDirectory { directory in
            for line in try Self.lines("understood") {
                do {
                    let found = try read(line, directory)
                    for (name, values) in line.options ?? [:] {
                        #expect(found[name] == values, "\(name) is \(found[name] ?? []), not \(values): \(line)")
                    }
                } catch {
                    Issue.record("refused: \(line)\n\(error)")
                }
            }
        }
    }

    @Test func everyDocumentedRecipeIsUnderstood() throws {
        let folder = Golden.repository + "/recipes"
        for file in try FileManager.default.contentsOfDirectory(atPath: folder) where file.hasSuffix(".yaml") {
            let command = String(file.prefix { $0 != "-" })
            #expect(throws: Never.self, "\(file)") { try UnderstoodOptions.of([command, folder + "/" + file]) }
        }
    }
}
