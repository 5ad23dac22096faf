import Swage
import SwageText

/// The tokens that the files beside a vocabulary name, as transformers 5 puts them together.
struct SpecialTokens {
    /// The names under which files and chat templates know tokens, in the order in which new ones are numbered.
    static let names = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"]

    /// By name.
    private(set) var named: [String: String] = [:]
    /// What is added to the vocabulary, in the order in which it is numbered; the id is negative for one that no file gives.
    private(set) var added: [AddedToken] = []

    /// - Parameters:
    ///   - configuration: `tokenizer_config.json`.
    ///   - map: `special_tokens_map.json`, which counts where the former lists no tokens.
    ///   - table: `added_tokens.json`, likewise.
    ///   - defaults: the tokens that a class of tokenizers has where no file names others.
    ///   - own: the tokens of the vocabulary's own file that are found in text before any other rule.
    ///   - known: the contents of those that are added already.
    init(
        _ configuration: JSONField?, map: JSONField?, table: JSONField?, defaults: [String: String] = [:], own: [AddedToken] = [],
        known: [String] = []
    ) throws {
        var given: [String: AddedToken?] = defaults.mapValues { AddedToken(content: $0) }
        for name in Self.names {
            if configuration?.isNull(name) == true { given[name] = .some(nil) }
            if let field = configuration?[name] { given[name] = try AddedToken(named: field) }
        }
        var further = try (configuration?["extra_special_tokens"] ?? configuration?["additional_special_tokens"]).map(Self.list)
        if let listed = configuration?["added_tokens_decoder"] {
            let tokens = try listed.members().map { key, field in try AddedToken(field, id: try Self.id(key, field)) }
            added = tokens.sorted { $0.id < $1.id }
        } else {
            for name in Self.names { if let field = map?[name] { given[name] = try AddedToken(named: field) } }
            if let extra = try map?["extra_special_tokens"].map(Self.list) { further = (further ?? []) + extra }
            // Those of a vocabulary's own file take the place of what is named so.
            if own.isEmpty { further = try further ?? map?["additional_special_tokens"].map(Self.list) }
            // Of those with flags of their own, transformers does not see here that they are special.
            var spelled = (further ?? []).filter { $0.isSpecial }.map(\.content)
            for name in Self.names {
                if let field = map?[name] ?? configuration?[name], map?[name] != nil || field.value.text != nil {
                    spelled.append(try AddedToken(named: field).content)
                }
            }
            let special = Set(spelled.map(Spelling.init))
            let tokens = try table?.members().map { content, field in
                let isSpecial = special.contains(Spelling(text: content))
                return AddedToken(
                    id: Int32(try field.integer(0...Int(Int32.max))), content: content, isSpecial: isSpecial, isNormalized: !isSpecial)
            }
            added = (tokens ?? []).sorted { $0.id < $1.id }
        }
        let listed = Dictionary(added.map { (Spelling(text: $0.content), $0) }, uniquingKeysWith: { $1 })
        named = given.compactMapValues { $0?.content }
        // Those that a model alone has, by the names under which its chat template asks for them.
        if let own = configuration?["extra_special_tokens"], own.value.object != nil {
            named.merge(try own.members().map { ($0.key, try AddedToken(named: $0.field).content) }) { given, _ in given }
        }
        let present = Set(known.map(Spelling.init)).union(listed.keys)
        // Of two that are spelled alike, the last counts, at the place of the first.
        var places: [Spelling: Int] = [:]
        for token in Self.names.compactMap({ given[$0] ?? nil }) + (further ?? own) where !present.contains(Spelling(text: token.content)) {
            if let place = places[Spelling(text: token.content)] {
                added[place] = token
            } else {
                places[Spelling(text: token.content)] = added.count
                added.append(token)
            }
        }
        added.removeAll { $0.content.isEmpty }
        let spellings = Set(named.values.map(Spelling.init))
        for index in added.indices where spellings.contains(Spelling(text: added[index].content)) { added[index].isSpecial = true }
    }

    private static func list(_ field: JSONField) throws -> [AddedToken] {
        if field.value.object != nil { return try field.members().map { try AddedToken(named: $0.field) } }
        // One that is listed with its flags has them all.
        return try field.list().map { $0.value.object == nil ? AddedToken(content: try $0.text()) : try AddedToken($0, id: -1) }
    }

    private static func id(_ key: String, _ field: JSONField) throws -> Int32 {
        guard let id = Int32(key), id >= 0 else { throw field.wrong("a token under its id") }
        return id
    }

    /// The tokens with the ids by which the tokenizers library counts them: that of the vocabulary, or the next one.
    /// - Throws: ``TrainerError`` with code `unsupported` if a file gives another.
    func numbered(for pipeline: TokenizerPipeline, file: String) throws -> [AddedToken] {
        let present = Dictionary(
            pipeline.addedContents.map { (Spelling(text: $0.content), $0.id) }, uniquingKeysWith: { first, _ in first })
        var next = max(Int32(clamping: pipeline.idCount), (present.values.max() ?? -1) &+ 1)
        return try added.map { token in
            var token = token
            let known = present[Spelling(text: token.content)]
            let id = known ?? pipeline.vocabularyID(of: token.content) ?? next
            guard token.id == id || token.id < 0 || known != nil else {
                throw TrainerError(
                    .unsupported, "\(file): the token \"\(token.content)\" has the id \(token.id)",
                    expected: "\(id), by which the tokenizers library counts it")
            }
            token.id = id
            if id == next { next &+= 1 }
            return token
        }
    }
}

extension AddedToken {
    /// One that a file or a class names by its spelling alone.
    fileprivate init(content: String) { self.init(id: -1, content: content, isSpecial: true) }

    /// A token as text, or as an object with its flags.
    fileprivate init(named field: JSONField) throws {
        guard field.value.object != nil else {
            self.init(content: try field.text())
            return
        }
        try self.init(field, id: -1)
        isSpecial = true
    }

    fileprivate init(_ field: JSONField, id: Int32) throws {
        let isSpecial = try field["special"]?.flag() ?? false
        self.init(
            id: id, content: try field.required("content").text(), isSpecial: isSpecial,
            stripsLeft: try field["lstrip"]?.flag() ?? false, stripsRight: try field["rstrip"]?.flag() ?? false,
            isSingleWord: try field["single_word"]?.flag() ?? false, isNormalized: try field["normalized"]?.flag() ?? !isSpecial)
    }
}
