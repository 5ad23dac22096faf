package import Foundation
import Swage

extension TokenizerPipeline {
    /// Reads the content of a `tokenizer.json`.
    ///
    /// What the `tokenizers` library would do otherwise than this library is an error with the name of the part, so that
    /// no text is ever cut in a way the model was not trained on. How long texts may be and how they are filled up, which a file
    /// may say as well, is for whoever makes batches.
    /// - Throws: ``TrainerError`` with code `corruptFile` or `unsupported`, naming the part.
    package init(tokenizerJSON data: Data, file: String = "tokenizer.json") throws {
        var parts: [String: JSONField] = [:]
        var model: TokenModel?
        try JSONCursor.object(in: data, file: file) { key, cursor in
            if key == "model" {
                var reader = TokenModelReader(file: file)
                model = try reader.read(&cursor)
            } else {
                parts[key] = try cursor.field(key)
            }
        }
        guard let model else { throw TrainerError(.corruptFile, "\(file) has no \"model\"", expected: "a file with it") }
        if let version = parts["version"], version.value != .null, version.value.text != "1.0" {
            throw version.wrong("\"1.0\"", code: .unsupported)
        }
        func part(_ key: String) -> JSONField? { parts[key].flatMap { $0.value == .null ? nil : $0 } }
        let processor = try PostProcessorReader(part("post_processor"))
        try self.init(
            normalizers: try part("normalizer").map(TextNormalizer.read) ?? [],
            splitters: try part("pre_tokenizer").map(PieceSplitter.read) ?? [],
            model: model, decoders: try part("decoder").map(TokenDecoder.read),
            added: try Self.added(part("added_tokens"), model.table, file: file),
            prefixIDs: processor.prefixIDs, suffixIDs: processor.suffixIDs, file: file)
    }

    /// The most bytes that an added token may have.
    private static let maximumBytes = 4096

    private static func added(_ field: JSONField?, _ table: TokenTable, file: String) throws -> [AddedToken] {
        // The library numbers added tokens itself: those of the vocabulary as there, and the others after it.
        var next = Int32(clamping: table.count)
        var seen = Set<Spelling>()
        let fields = try field?.list() ?? []
        let limit = TokenTable.idLimit(table.count + fields.count)
        return try fields.compactMap { field in
            let content = try field.required("content").text()
            guard content.utf8.count <= maximumBytes else { throw try field.required("content").wrong("at most \(maximumBytes) bytes") }
            let token = AddedToken(
                id: Int32(try field.required("id").integer(0...Int(Int32.max))), content: content,
                isSpecial: try field.required("special").flag(), stripsLeft: try field.required("lstrip").flag(),
                stripsRight: try field.required("rstrip").flag(), isSingleWord: try field.required("single_word").flag(),
                isNormalized: try field.required("normalized").flag())
            if content.isEmpty { return nil }
            guard seen.insert(Spelling(text: content)).inserted else {
                throw TrainerError(.corruptFile, "\(file): \"\(field.key)\", \"\(content)\", is there twice", expected: "each token once")
            }
            let known = table.id(of: content)
            guard token.id == known ?? next, token.id < limit else {
                throw TrainerError(
                    .unsupported, "\(file): \"\(field.key)\", \"\(content)\", has the id \(token.id)",
                    expected: "\(known ?? next), by which the tokenizers library counts it")
            }
            if known == nil {
                guard !table.contains(token.id) else {
                    throw TrainerError(
                        .corruptFile, "\(file): \"\(field.key)\", \"\(content)\", has the id \(token.id), which a token of the model has",
                        expected: "one of its own")
                }
                next += 1
            }
            return token
        }
    }
}

extension JSONCursor {
    /// The value at the cursor.
    mutating func field(_ key: String) throws -> JSONField {
        let range = try skipValue()
        let data = Data(UnsafeBufferPointer(rebasing: bytes[range]))
        return JSONField(try JSONValue(json: data, file: "\(file): \"\(key)\""), file: file, key: key)
    }
}
