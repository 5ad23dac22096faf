import Foundation
import Swage
import SwageText

/// What a model on disk is, by its content: whatever of it changes a result.
///
/// Weights count by the headers of their files and by samples of every tensor, so that gigabytes take milliseconds: training
/// changes all of a tensor. The small files count whole.
package struct ModelDigest: Sendable, Equatable {
    /// Of the weights and the configuration.
    package let weights: String
    /// Of the tokenizer, its chat template, and where generation ends.
    package let tokenizer: String

    /// - Parameter path: a GGUF file, or a folder in Hugging Face's layout with weights of any format.
    /// - Throws: ``TrainerError`` if something cannot be read.
    package init(_ path: String) throws {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw TrainerError(.inputOutput, "\(path) does not exist", expected: "a GGUF file, or a folder with config.json")
        }
        var (weights, tokenizer) = (ContentDigest(), ContentDigest())
        if isDirectory.boolValue {
            let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
            for name in names where Self.tokenizerFiles.contains(name) {
                tokenizer.add(name)
                let file = try PlainFile(path + "/" + name)
                try Self.add(file, 0..<file.count, to: &tokenizer)
            }
            for name in names where Self.isWeights(name) {
                weights.add(name)
                try Self.add(try PlainFile(path + "/" + name), to: &weights)
            }
        } else {
            // Header, tokenizer and weights are one file, or as many as its name says.
            for part in Self.parts(of: path) { try Self.add(try PlainFile(part), to: &weights) }
        }
        (self.weights, self.tokenizer) = (weights.finish(), tokenizer.finish())
    }

    private static let tokenizerFiles: Set = [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja", "chat_template.json",
        "vocab.json", "merges.txt", "vocab.txt", "tokenizer.model", "tekken.json", "added_tokens.json", "generation_config.json",
    ]

    /// `model-00002-of-00003.gguf` is one of three; a part that is not there is missed by those who read them.
    private static func parts(of path: String) -> [String] {
        guard let match = path.firstMatch(of: /-(\d{5})-of-(\d{5})\.gguf$/), let count = Int(match.2) else { return [path] }
        let names = (1...max(1, count)).map { number in
            let digits = String(repeating: "0", count: 5 - "\(number)".count) + "\(number)"
            return "\(path[..<match.range.lowerBound])-\(digits)-of-\(match.2).gguf"
        }
        return names.filter { FileManager.default.fileExists(atPath: $0) }
    }

    private static func isWeights(_ name: String) -> Bool {
        if ["config.json", "adapter_config.json", "model.safetensors.index.json"].contains(name) { return true }
        // What a checkpoint of ours has beside its weights is not read with them.
        if ["optimizer.safetensors", "gradients.safetensors"].contains(name) { return false }
        return [".safetensors", ".bin", ".gguf"].contains { name.hasSuffix($0) }
    }

    /// Small files and headers whole, and of every tensor its beginning, its end, and pieces between. A GGUF file is not parsed,
    /// for its tokenizer takes longer than all of this: what it begins with counts whole, and many pieces of the rest.
    private static func add(_ file: PlainFile, to digest: inout ContentDigest) throws {
        let size = file.count
        digest.add("\(size)")
        let isParsed = file.path.hasSuffix(".safetensors")
        let rest = size > wholeBytes ? [wholeBytes..<size] : []
        let parts = isParsed ? try SafetensorsFile(path: file.path).tensors.values.map(\.range) : rest
        try add(file, 0..<(parts.map(\.lowerBound).min() ?? size), to: &digest)
        for range in parts.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            for piece in pieces(of: range, isParsed ? 16 : 4096) { try add(file, piece, to: &digest) }
        }
    }

    private static func add(_ file: PlainFile, _ range: Range<Int>, to digest: inout ContentDigest) throws {
        for start in stride(from: range.lowerBound, to: range.upperBound, by: 1 << 22) {
            digest.add(try file.bytes(start..<min(range.upperBound, start + 1 << 22)))
        }
    }

    /// Of a file that is not parsed.
    private static let wholeBytes = 1 << 24
    private static let pieceBytes = 512

    private static func pieces(of range: Range<Int>, _ count: Int) -> [Range<Int>] {
        guard range.count > count * pieceBytes else { return [range] }
        let room = range.count - pieceBytes
        return (0..<count).map { index in
            let begin = range.lowerBound + room / (count - 1) * index
            return begin..<begin + pieceBytes
        }
    }
}
