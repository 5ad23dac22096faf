import Swage

/// Reads the `model` of a `tokenizer.json` in one pass, but for its merges if they come before the vocabulary.
struct TokenModelReader {
    let file: String
    private var settings: [String: JSONField] = [:]
    private var arena: [UInt8] = []
    private var tokens: [(id: Int32, end: Int32)] = []
    private var scores: [Double]?
    private var hasVocabulary = false
    private var mergesOffset: Int?

    init(file: String) { self.file = file }

    mutating func read(_ cursor: inout JSONCursor) throws -> TokenModel {
        try cursor.object { key, cursor in
            switch key {
            case "vocab":
                hasVocabulary = true
                if cursor.peek() == UInt8(ascii: "[") { try readScores(&cursor) } else { try readIDs(&cursor) }
            case "merges":
                mergesOffset = cursor.offset
                _ = try cursor.skipValue()
            default: settings[key] = try cursor.field("model.\(key)")
            }
        }
        guard hasVocabulary else { throw TrainerError(.corruptFile, "\(file) has no \"model.vocab\"", expected: "a file with it") }
        let type = try type()
        guard (scores != nil) == (type == "Unigram") else {
            throw TrainerError(
                .corruptFile, "\(file): \"model.vocab\" is \(scores == nil ? "an object" : "a list")",
                expected: "a list for Unigram, and an object for others")
        }
        let table = try TokenTable(arena: arena, tokens: tokens, what: "\(file): \"model.vocab\"", keepsLast: type == "Unigram")
        arena = []
        switch type {
        case "BPE": return .bytePairs(try bytePairs(table, cursor))
        case "Unigram": return .unigram(try unigram(table))
        case "WordPiece":
            return .wordPiece(
                WordPieceModel(
                    table, unknownToken: try required("unk_token").text(), prefix: try required("continuing_subword_prefix").text(),
                    longestWord: try required("max_input_chars_per_word").integer(0...Int(Int32.max))))
        default: return .wordLevel(WordLevelModel(table: table, unknownToken: try required("unk_token").text()))
        }
    }

    private func field(_ key: String) -> JSONField? { settings[key].flatMap { $0.value == .null ? nil : $0 } }

    private func required(_ key: String) throws -> JSONField {
        guard let field = field(key) else {
            throw TrainerError(.corruptFile, "\(file) has no \"model.\(key)\"", expected: "a file with it")
        }
        return field
    }

    /// Files of old do not say what model they have.
    private func type() throws -> String {
        guard let field = field("type") else {
            if mergesOffset != nil { return "BPE" }
            if scores != nil { return "Unigram" }
            return field("max_input_chars_per_word") != nil ? "WordPiece" : "WordLevel"
        }
        let type = try field.text()
        guard ["BPE", "Unigram", "WordPiece", "WordLevel"].contains(type) else {
            throw field.wrong("BPE, Unigram, WordPiece or WordLevel", code: .unsupported)
        }
        return type
    }

    private mutating func readIDs(_ cursor: inout JSONCursor) throws {
        try cursor.expect("{")
        if cursor.take("}") { return }
        repeat {
            try cursor.string(into: &arena)
            try cursor.expect(":")
            try add(try cursor.id(), cursor)
        } while cursor.take(",")
        try cursor.expect("}")
    }

    private mutating func readScores(_ cursor: inout JSONCursor) throws {
        var scores: [Double] = []
        defer { self.scores = scores }
        try cursor.expect("[")
        if cursor.take("]") { return }
        repeat {
            try cursor.expect("[")
            try cursor.string(into: &arena)
            try cursor.expect(",")
            scores.append(try cursor.score())
            try cursor.expect("]")
            try add(Int32(truncatingIfNeeded: tokens.count), cursor)
        } while cursor.take(",")
        try cursor.expect("]")
    }

    private mutating func add(_ id: Int32, _ cursor: JSONCursor) throws {
        guard arena.count < Int(Int32.max), tokens.count < 1 << 24 else {
            throw cursor.wrong("the vocabulary is too large", expected: "at most 2 GB")
        }
        tokens.append((id, Int32(arena.count)))
    }

    private func unigram(_ table: TokenTable) throws -> UnigramModel {
        var unknownID: Int32?
        if let field = field("unk_id") {
            guard let scores, let id = field.value.number?.integer, scores.indices.contains(id) else {
                throw field.wrong("an id of the vocabulary")
            }
            unknownID = Int32(id)
        }
        return UnigramModel(
            table, scores: scores ?? [], unknownID: unknownID, fallsBackToBytes: try settings["byte_fallback"]?.flag() ?? false)
    }

    private func bytePairs(_ table: TokenTable, _ cursor: JSONCursor) throws -> BytePairModel {
        if let dropout = field("dropout"), try dropout.number() != 0 { throw dropout.wrong("0 or null", code: .unsupported) }
        let settings = BytePairModel.Settings(
            unknownToken: try field("unk_token")?.text(), continuingPrefix: try field("continuing_subword_prefix")?.text().nonEmpty,
            endOfWordSuffix: try field("end_of_word_suffix")?.text().nonEmpty, fusesUnknown: try field("fuse_unk")?.flag() ?? false,
            fallsBackToBytes: try field("byte_fallback")?.flag() ?? false, ignoresMerges: try field("ignore_merges")?.flag() ?? false)
        if settings.fallsBackToBytes, settings.continuingPrefix != nil || settings.endOfWordSuffix != nil {
            throw TrainerError(
                .unsupported, "\(file): \"model.byte_fallback\" is true, and tokens are marked by where in words they are",
                expected: "one of both")
        }
        guard let mergesOffset else { throw TrainerError(.corruptFile, "\(file) has no \"model.merges\"", expected: "a file with it") }
        var cursor = cursor
        cursor.offset = mergesOffset
        return try MergeReader(table, prefix: settings.continuingPrefix ?? "").read(&cursor, settings)
    }
}

extension String {
    fileprivate var nonEmpty: String? { isEmpty ? nil : self }
}
