import Swage

/// What a post-processor puts around every text.
struct PostProcessorReader {
    private(set) var prefixIDs: [Int32] = []
    private(set) var suffixIDs: [Int32] = []
    private var hasTemplate = false

    init(_ field: JSONField?) throws {
        if let field { try read(field, depth: 0) }
    }

    private mutating func read(_ field: JSONField, depth: Int) throws {
        let type = try field.required("type")
        guard depth < 20 else { throw type.wrong("sequences at most 20 deep in each other") }
        switch try type.text() {
        case "Sequence":
            for part in try field.required("processors").list() { try read(part, depth: depth + 1) }
            return
        case "ByteLevel":
            // It changes only where tokens are said to lie.
            return
        case "TemplateProcessing", "BertProcessing", "RobertaProcessing": break
        default: throw type.wrong("ByteLevel, TemplateProcessing, BertProcessing, RobertaProcessing or Sequence", code: .unsupported)
        }
        if hasTemplate { throw type.wrong("one that puts tokens around the text", code: .unsupported) }
        hasTemplate = true
        if try type.text() == "TemplateProcessing" { return try readTemplate(field) }
        prefixIDs = [try Self.token(try field.required("cls"))]
        suffixIDs = [try Self.token(try field.required("sep"))]
    }

    /// The id of `["[CLS]", 101]`.
    private static func token(_ field: JSONField) throws -> Int32 {
        let pair = try field.list()
        guard pair.count == 2, pair[0].value.text != nil else { throw field.wrong("a token and its id") }
        return Int32(try pair[1].integer(0...Int(Int32.max)))
    }

    private mutating func readTemplate(_ field: JSONField) throws {
        let single = try field.required("single")
        let pieces = try single.list()
        let texts = pieces.indices.filter { pieces[$0]["Sequence"] != nil }
        guard texts.count == 1, let text = texts.first, try pieces[text].required("Sequence").required("id").text() == "A" else {
            throw single.wrong("a template with the text $A once", code: .unsupported)
        }
        let known = field["special_tokens"]
        func ids(_ pieces: ArraySlice<JSONField>) throws -> [Int32] {
            try pieces.flatMap { piece in
                let id = try piece.required("SpecialToken").required("id")
                guard let token = known?[try id.text()] else { throw id.wrong("a token that special_tokens defines") }
                return try token.required("ids").list().map { Int32(try $0.integer(0...Int(Int32.max))) }
            }
        }
        prefixIDs = try ids(pieces[..<text])
        suffixIDs = try ids(pieces[(text + 1)...])
    }
}
