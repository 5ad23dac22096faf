import ArgumentParser
import Foundation
import Swage
import SwageFiles
import SwageText

struct DataShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show examples as a model reads them, and which tokens it learns.",
        discussion: """
            Writes the first examples as text, learned tokens in green, or within ⟦ and ⟧ where there is no color, and then what \
            becomes of all of them. Of the model, its tokenizer and its chat template are read, and no weights.

              swage data show chats.jsonl --model my-model
            """)

    @Argument(help: .init("The data, as sft reads it: files, folders, - for what is piped in.", valueName: "path"))
    var data: [String]

    @Option(help: .init("A GGUF file, a folder with a tokenizer, or a name of the hub: org/name.", valueName: "path or name"))
    var model: String

    @Option(help: .init("A chat template instead of the model's own: chatml, llama3, qwen3, a file, or a template.", valueName: "template"))
    var chatTemplate: String?

    @Option(help: .init("How many examples are shown.", valueName: "n"))
    var limit = 3

    @Option(help: .init("Which line is shown first.", valueName: "n"))
    var from: Int?

    @OptionGroup(title: "Data") var dataOptions: DataReading

    @Flag(inversion: .prefixedNo, help: "Whether to print one JSON object for each example shown, and one for all.")
    var json = false

    func validate() throws {
        guard dataOptions.sequenceLength > 0 else {
            throw ValidationError("--sequence-length is \(dataOptions.sequenceLength); expected 1 or more.")
        }
        guard limit >= 0 else { throw ValidationError("--limit is \(limit); expected 0 or more.") }
        guard from ?? 1 > 0 else { throw ValidationError("--from is \(from ?? 0); expected a line, 1 or more.") }
    }

    func run() async throws {
        let tokenizer = try TextTokenizer(path: model, chatTemplate: chatTemplate)
        let examples: Examples<TrainingExample> = try dataOptions.open(data)
        try dataOptions.rows.checkMap(examples.mapped)
        let first = try firstShown(of: examples)
        if !json { try printLine(DataTable(examples.report).readings + "\n") }
        for index in first..<min(examples.count, first + limit) { try show(index, of: examples, tokenizer) }
        let display = OpeningDisplay("looking at all", unit: "examples")
        let report = try examples.examine(progress: display.show) { example in
            try dataOptions.examine(example, with: tokenizer).withoutUse
        }.report
        display.end()
        if json { return try printAsJSON(["data": jsonObject(report) ?? [:]]) }
        try printLine(DataTable(report).text)
    }

    private func firstShown(of examples: Examples<TrainingExample>) throws -> Int {
        guard let from else { return 0 }
        guard let index = (0..<examples.count).first(where: { examples.line($0) >= from }) else {
            throw UsageError("--from is \(from), and \(examples.name) has no example there or behind it", expected: "a line of it")
        }
        return index
    }

    private func show(_ index: Int, of examples: Examples<TrainingExample>, _ tokenizer: any Tokenizer) throws {
        let place = examples.place(index)
        let tokens: TargetedTokens
        do {
            tokens = try examples[index].tokenize(with: tokenizer, learning: dataOptions.lossOn)
        } catch let error as TrainerError where dataOptions.rows.skipBadLines {
            if !json { try printLine("\(place): left out: \(error.description.withoutAdvice)\n") }
            return
        } catch let error as TrainerError {
            throw error.placed(at: place)
        }
        let shown = ShownExample(tokens, limit: dataOptions.sequenceLength + 1, tokenizer: tokenizer)
        if json {
            try printAsJSON([
                "line": examples.line(index), "ids": tokens.ids.map { Int($0) }, "learned": tokens.isTarget,
                "messages": tokens.owners.map { Int($0) }, "notes": tokens.notes,
            ])
        } else {
            let text = try shown.text(inColor: Terminal.hasColor(STDOUT_FILENO))
            try printLine("\(place): \(shown.summary)\n\(text.hasSuffix("\n") ? text : text + "\n")")
        }
    }
}
