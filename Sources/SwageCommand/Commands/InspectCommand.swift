import SwageNative
import SwageText
import ArgumentParser
import Foundation
import Swage
import SwageFiles

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show a model's architecture, sizes, tokenizer and chat format.",
        discussion: "Reads the headers and the tokenizer, and not the weights, and says what does not fit.")

    @Argument(help: "A GGUF file, a folder in Hugging Face's layout, or a name of the hub: org/name.")
    var model: String

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let files = try ModelFiles.open(model)
        try files.checkWeights()
        let unread = try files.unreadTensors
        let read = files.weights.tensorNames.subtracting(unread)
        let parameters = read.reduce(0) { sum, name in sum + (files.weights.shape(of: name).flatMap(elementCount) ?? 0) }
        if json { return try printJSON(files, parameters: parameters, tensors: read.count, unread: unread) }
        let configuration = files.configuration
        let rows: [(String, String)] = [
            ("model", configuration.name),
            ("file", "\(files.path) (\(files.format))"),
            ("types", types(files)),
            ("architecture", configuration.family.name),
            ("parameters", "\(readable(Double(parameters))) in \(read.count) tensors"),
            ("layers", "\(configuration.layerCount)"),
            ("hidden size", "\(configuration.hiddenSize), feed-forward \(configuration.feedForwardSize)"),
            (
                "attention",
                "\(configuration.headCount) heads of \(configuration.headSize) over "
                    + "\(configuration.keyValueHeadCount) key/value heads"
            ),
            ("context", "\(configuration.contextLength) tokens, " + positions(configuration)),
            ("output head", configuration.tiesEmbeddings ? "tied to the embedding" : "separate"),
            ("memory", "\(readable(4 * Double(parameters)))B in float32, \(readable(16 * Double(parameters)))B in training, and what a batch takes"),
        ]
        let notRead = try files.unreadSummary.map { [("not read", $0)] } ?? []
        try printLine(
            (rows + notRead + tokenizerRows(files)).map { $0.padding(toLength: 18, withPad: " ", startingAt: 0) + $1 }
                .joined(separator: "\n"))
    }

    private func types(_ files: ModelFiles) -> String {
        files.types.map { "\($0.encoding.name) in \($0.tensorCount) \($0.tensorCount == 1 ? "tensor" : "tensors"), \(readable(Double($0.byteCount)))B" }
            .joined(separator: "; ")
    }

    private func positions(_ configuration: ModelConfiguration) -> String {
        if configuration.rotaries.isEmpty { return "learned positions" }
        let bases = configuration.rotaries.map { fixed($0.theta, 0) }.joined(separator: " and ")
        return "rotary base \(bases)"
    }

    private func tokenizerRows(_ files: ModelFiles) -> [(String, String)] {
        switch files.tokenizer {
        case .failure(let error):
            return [("tokenizer", "none that can be used: \(error)")]
        case .success(let tokenizer):
            let ends = tokenizer.endOfSequenceIDs.map { name(of: $0, tokenizer) }.joined(separator: ", ")
            return [
                ("tokenizer", tokenizer.summary), ("end of sequence", ends),
                ("chat format", tokenizer.chatTemplateSummary),
            ]
        }
    }

    private func name(of id: Int32, _ tokenizer: any Tokenizer) -> String {
        "\(id) \((try? tokenizer.decode([id], skipSpecialTokens: false)) ?? "")"
    }

    private func printJSON(_ files: ModelFiles, parameters: Int, tensors: Int, unread: [String]) throws {
        var object: [String: Any] = files.configuration.reported.mapValues { value in
            switch value {
            case .integer(let value): value
            case .number(let value): value
            case .flag(let value): value
            case .text(let value): value
            }
        }
        object["name"] = files.configuration.name
        object["format"] = files.format
        object["parameters"] = parameters
        object["tensors"] = tensors
        object["unread_tensors"] = unread
        object["types"] = Dictionary(
            uniqueKeysWithValues: files.types.map { ($0.encoding.name, ["tensors": $0.tensorCount, "bytes": $0.byteCount]) })
        object["memory"] = ["float32": 4 * parameters, "training": 16 * parameters]
        switch files.tokenizer {
        case .failure(let error): object["tokenizer_error"] = error.description
        case .success(let tokenizer):
            object["tokenizer"] = tokenizer.summary
            object["tokenizer_vocabulary"] = tokenizer.vocabularySize
            object["eos_token_ids"] = tokenizer.endOfSequenceIDs.map { Int($0) }
            object["chat_format"] = tokenizer.chatTemplateSummary
        }
        try printAsJSON(object)
    }

    private func readable(_ count: Double) -> String {
        let units: [(Double, String)] = [(1e9, "G"), (1e6, "M"), (1e3, "k")]
        let unit = units.first { count >= $0.0 } ?? (1, "")
        return fixed(count / unit.0, 1) + " \(unit.1)"
    }
}
