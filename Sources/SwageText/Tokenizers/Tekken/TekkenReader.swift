package import Foundation
import Swage

/// Reads `tekken.json`, which is as large as its vocabulary, in one pass.
package struct TekkenReader {
    private let file: String
    private var pattern = ""
    private var specialTokens: [String] = []
    private var arena: [UInt8] = []
    private var tokens: [(id: Int32, end: Int32)] = []

    private init(file: String) { self.file = file }

    /// The tokenizer of a `tekken.json`: bytes merged by the ranks of what results, as tiktoken does it.
    /// - Throws: ``Swage/TrainerError`` with code `corruptFile`, or `unsupported` for what is not done here.
    package static func document(_ data: Data, file: String = "tekken.json") throws -> TokenizerDocument {
        var reader = TekkenReader(file: file)
        try reader.read(data)
        return try reader.document()
    }

    private func document() throws -> TokenizerDocument {
        var (spelled, ends): ([UInt8], [(id: Int32, end: Int32)]) = ([], [])
        var start = 0
        for token in tokens {
            arena.withUnsafeBufferPointer {
                spelled += ByteLevelAlphabet.spelled(UnsafeBufferPointer(rebasing: $0[start..<Int(token.end)]))
            }
            guard spelled.count < Int(Int32.max) else { throw TrainerError(.corruptFile, "\(file): the tokens take too much memory") }
            ends.append((token.id + Int32(specialTokens.count), Int32(spelled.count)))
            start = Int(token.end)
        }
        let table = try TokenTable(arena: spelled, tokens: ends, what: file)
        let merges = try table.splits(file: file) { id, _ in id }
        let model = BytePairModel(table, merges, BytePairModel.Settings(ignoresMerges: true))
        guard model.knowsAllBytes else {
            throw TrainerError(.corruptFile, "\(file) has no token for some bytes", expected: "one for each of the 256")
        }
        var document = TokenizerDocument(model: .bytePairs(model))
        document.preTokenizer = .sequence("pretokenizers", [.split(pattern), .byteLevel(splits: false)])
        document.decoder = .byteLevel(addsPrefixSpace: true, splits: true)
        document.added = specialTokens.enumerated().map { AddedToken(id: Int32($0), content: $1, isSpecial: true) }
        return document
    }

    private mutating func read(_ data: Data) throws {
        var config: JSONField?
        var special: JSONField?
        try JSONCursor.object(in: data, file: file) { key, cursor in
            switch key {
            case "vocab": try readVocabulary(&cursor)
            case "config": config = try cursor.field(key)
            case "special_tokens": special = try cursor.field(key)
            default: _ = try cursor.skipValue()
            }
        }
        guard let config else { throw TrainerError(.corruptFile, "\(file) has no \"config\"", expected: "a file with it") }
        pattern = try config.required("pattern").text()
        let all = try config.required("default_vocab_size").integer(0...1 << 24)
        let count = try config.required("default_num_special_tokens").integer(0...min(all, 1 << 20))
        guard all - count <= tokens.count else {
            throw TrainerError(.corruptFile, "\(file) has \(tokens.count) tokens", expected: "\(all - count), as config says")
        }
        tokens.removeLast(tokens.count - (all - count))
        try readSpecialTokens(special, count)
    }

    /// The special tokens that files of old leave out.
    private static let defaults = [
        "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]",
        "[TOOL_CALLS]",
        "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]",
        "[TOOL_CONTENT]",
    ]

    private mutating func readSpecialTokens(_ field: JSONField?, _ count: Int) throws {
        if let field, field.value != .null {
            for (index, token) in try field.list().enumerated() {
                let rank = try token.required("rank")
                guard try rank.integer(0...1 << 24) == index else {
                    throw rank.wrong("\(index), for each has its place", code: .unsupported)
                }
                specialTokens.append(try token.required("token_str").text())
            }
        } else {
            specialTokens = Self.defaults
        }
        guard specialTokens.count <= count else {
            throw TrainerError(
                .corruptFile, "\(file) has \(specialTokens.count) special tokens", expected: "at most \(count), as config says")
        }
        for index in specialTokens.count..<count { specialTokens.append("<SPECIAL_\(index)>") }
        guard Set(specialTokens.map(Spelling.init)).count == count else {
            throw TrainerError(.corruptFile, "\(file) has a special token twice", expected: "each once")
        }
    }

    private mutating func readVocabulary(_ cursor: inout JSONCursor) throws {
        var text: [UInt8] = []
        try cursor.expect("[")
        if cursor.take("]") { return }
        repeat {
            var rank: Int32?
            var hasBytes = false
            try cursor.object { key, cursor in
                switch key {
                case "rank": rank = try cursor.id()
                case "token_bytes":
                    text.removeAll(keepingCapacity: true)
                    try cursor.string(into: &text)
                    guard let bytes = Self.decoded(text) else {
                        throw cursor.wrong("the bytes of a token are no Base64", expected: "Base64")
                    }
                    arena += bytes
                    hasBytes = true
                default: _ = try cursor.skipValue()
                }
            }
            guard rank == Int32(truncatingIfNeeded: tokens.count), hasBytes, arena.count < Int(Int32.max) else {
                throw cursor.wrong("the token \(tokens.count) has another rank, or no bytes", expected: "ranks in order")
            }
            tokens.append((Int32(truncatingIfNeeded: tokens.count), Int32(arena.count)))
        } while cursor.take(",")
        try cursor.expect("]")
    }

    private static func decoded(_ text: [UInt8]) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var bits: UInt32 = 0
        let padding = text.last == UInt8(ascii: "=") ? (text[text.count - 2] == UInt8(ascii: "=") ? 2 : 1) : 0
        for (index, character) in text.enumerated() {
            let value: UInt8
            switch character {
            case 0x41...0x5A: value = character - 0x41
            case 0x61...0x7A: value = character - 0x61 + 26
            case 0x30...0x39: value = character - 0x30 + 52
            case UInt8(ascii: "+"): value = 62
            case UInt8(ascii: "/"): value = 63
            case UInt8(ascii: "=") where index >= text.count - padding: value = 0
            default: return nil
            }
            bits = bits << 6 | UInt32(value)
            if index % 4 == 3 {
                bytes += [UInt8(truncatingIfNeeded: bits >> 16), UInt8(truncatingIfNeeded: bits >> 8), UInt8(truncatingIfNeeded: bits)]
                bits = 0
            }
        }
        bytes.removeLast(padding)
        return bytes
    }
}
