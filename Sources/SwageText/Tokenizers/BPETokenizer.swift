import Foundation
import SwageJinja
public import Swage

/// A byte-level BPE tokenizer, as GPT-2, Llama 3, SmolLM2 and Qwen use.
public struct BPETokenizer: Tokenizer {
    /// Everything that defines the tokenizer, in the terms of `tokenizer.json`.
    package struct Definition: Sendable {
        /// Spelling in the byte-level alphabet to id.
        package var vocabulary: [String: Int32]
        package var merges: [(String, String)]
        package var addedTokens: [AddedToken]
        package var preTokenizer: PreTokenizer
        package var ignoresMerges = false
        /// Whether text is brought to Unicode's composed form first.
        package var normalizesToNFC = false
        /// The ids put before every text.
        package var prefixIDs: [Int32] = []
        /// The ids put after every text.
        package var suffixIDs: [Int32] = []
        package var endOfSequenceIDs: [Int32] = []
        package var chatTemplate: String?
        /// The tokens that chat templates call `bos_token`, `eos_token` and so on.
        package var specialTokens: [String: String] = [:]

        package init(
            vocabulary: [String: Int32], merges: [(String, String)], addedTokens: [AddedToken],
            preTokenizer: PreTokenizer
        ) {
            self.vocabulary = vocabulary
            self.merges = merges
            self.addedTokens = addedTokens
            self.preTokenizer = preTokenizer
        }
    }

    package let definition: Definition
    public let vocabularySize: Int
    public var endOfSequenceIDs: [Int32] { definition.endOfSequenceIDs }

    private let encoder: BytePairEncoder
    /// Finds tokens in the text as it comes, and in what the normalizer makes of the rest.
    private let matcher: AddedTokenMatcher
    private let normalizedMatcher: AddedTokenMatcher
    private let bytesByID: [[UInt8]]
    private let specialIDs: Set<Int32>
    private var chatTemplate: Result<ChatTemplate, TrainerError>

    /// - Throws: ``Swage/TrainerError`` with code `corruptFile` if the parts do not fit each other.
    package init(_ definition: Definition) throws {
        self.definition = definition
        encoder = try BytePairEncoder(
            vocabulary: definition.vocabulary, merges: definition.merges, ignoresMerges: definition.ignoresMerges)
        matcher = AddedTokenMatcher(definition.addedTokens.filter { !$0.isNormalized })
        normalizedMatcher = AddedTokenMatcher(
            definition.addedTokens.filter(\.isNormalized).map { token in
                var token = token
                if definition.normalizesToNFC { token.content = token.content.precomposedStringWithCanonicalMapping }
                return token
            })
        specialIDs = Set(definition.addedTokens.filter(\.isSpecial).map(\.id))
        bytesByID = try Self.bytesByID(definition)
        vocabularySize = bytesByID.count
        chatTemplate = ChatTemplate.of(definition.chatTemplate, specialTokens: definition.specialTokens)
        let used = definition.prefixIDs + definition.suffixIDs + definition.endOfSequenceIDs
        if let odd = used.first(where: { $0 < 0 || Int($0) >= bytesByID.count }) {
            throw TrainerError(
                .corruptFile, "the tokenizer names token \(odd) as a special one",
                expected: "an id in 0..<\(bytesByID.count)")
        }
    }

    public func encode(_ text: String, addSpecialTokens: Bool) throws -> [Int32] {
        let ids = spans(of: text).map(\.id)
        return addSpecialTokens ? definition.prefixIDs + ids + definition.suffixIDs : ids
    }

    public func decode(_ ids: [Int32], skipSpecialTokens: Bool) throws -> String {
        var bytes: [UInt8] = []
        for id in ids where !(skipSpecialTokens && specialIDs.contains(id)) { bytes += try spelledBytes(of: id) }
        return String(decoding: bytes, as: UTF8.self)
    }

    public func bytes(of id: Int32) throws -> [UInt8] {
        specialIDs.contains(id) ? [] : try spelledBytes(of: id)
    }

    public func encode(chat: Chat, addGenerationPrompt: Bool) throws -> TargetedTokens {
        let encoder = ChatEncoder(template: try chatTemplate.get()) { part, _ in
            spans(of: part)
        } ending: { id in
            definition.endOfSequenceIDs.contains(id) ? .end : specialIDs.contains(id) ? .special : .none
        }
        return try encoder.encode(chat, addGenerationPrompt: addGenerationPrompt)
    }

    public func encode(prompt: String, completion: String) throws -> TargetedTokens {
        let (asked, begun) = divided(prompt)
        let read = definition.prefixIDs + asked
        var written = spans(of: begun + completion).map(\.id)
        // A completion may spell out its end, any that the model knows.
        if let end = definition.endOfSequenceIDs.first, !definition.endOfSequenceIDs.contains(written.last ?? -1) { written.append(end) }
        return TargetedTokens(ids: read + written, isTarget: read.map { _ in false } + written.map { _ in true })
    }

    /// The text of a conversation in the model's own chat format.
    /// - Throws: ``Swage/TrainerError`` if the model has no chat template, or one that refuses the conversation.
    public func text(of chat: Chat, addGenerationPrompt: Bool) throws -> String {
        try chatTemplate.get().render(chat, addGenerationPrompt: addGenerationPrompt).text
    }

    /// The day that the chat format writes into every conversation, where that is another one each day.
    package var day: String? { (try? chatTemplate.get())?.day }

    /// The same, whose chat format goes on writing one day; nil means today.
    package func writing(day: String?) -> BPETokenizer {
        guard let today = self.day else { return self }
        var copy = self
        copy.chatTemplate = chatTemplate.map { $0.writing(day: day ?? today) }
        return copy
    }

    /// The chat template in words.
    public var chatTemplateSummary: String {
        switch chatTemplate {
        case .success(let template): template.summary
        case .failure(let error): error.message
        }
    }

    /// What kind of tokenizer it is, in words.
    public var summary: String {
        let steps = definition.preTokenizer.steps.map(\.summary).joined(separator: ", then ")
        let count = "byte-level BPE, \(vocabularySize) tokens, \(definition.addedTokens.count) of them added"
        let form = definition.normalizesToNFC ? "; text in composed form (NFC)" : ""
        return "\(count); \(steps.isEmpty ? "text is not cut" : steps)\(form)"
    }

    /// The ids of a prompt without the white space at its end that belongs to the word after it, and that white space:
    /// models write " here", and have hardly ever seen "here" after a space that stands alone.
    private func divided(_ prompt: String) -> (ids: [Int32], begun: String) {
        let ids = spans(of: prompt).map(\.id)
        guard let last = prompt.unicodeScalars.last, prompt.utf8.count > 1, definition.preTokenizer.joinsToWord(last) else {
            return (ids, "")
        }
        let asked = spans(of: String(prompt.unicodeScalars.dropLast())).map(\.id)
        // Some added tokens swallow the white space after them.
        return asked == ids ? (ids, "") : (asked, String(last))
    }

    /// The ids of `text`, each with the offset in its UTF-8 at which it begins.
    private func spans(of text: String) -> [(id: Int32, start: Int)] { spans(of: Array(text.utf8)[...]) }

    private func spans(of utf8: ArraySlice<UInt8>) -> [(id: Int32, start: Int)] {
        var result: [(id: Int32, start: Int)] = []
        for part in matcher.parts(of: utf8) {
            switch part {
            case .token(let token, let range): result.append((token.id, range.lowerBound))
            case .text(let range):
                if definition.normalizesToNFC {
                    appendNormalized(utf8[range], to: &result)
                } else {
                    appendParts(of: utf8[range], at: range.lowerBound, to: &result)
                }
            }
        }
        return result
    }

    /// Normalizes a text, and gives each id the place of what it was before.
    private func appendNormalized(_ utf8: ArraySlice<UInt8>, to result: inout [(id: Int32, start: Int)]) {
        if utf8.allSatisfy({ $0 < 0x80 }) { return appendParts(of: utf8, at: utf8.startIndex, to: &result) }
        let normalized = NormalizedText(utf8)
        var spans: [(id: Int32, start: Int)] = []
        appendParts(of: normalized.utf8[...], at: 0, to: &spans)
        result += normalized.originalStarts(spans.map(\.start)).enumerated().map { (spans[$0].id, utf8.startIndex + $1) }
    }

    /// - Parameter place: the offset that the first byte is given.
    private func appendParts(of utf8: ArraySlice<UInt8>, at place: Int, to result: inout [(id: Int32, start: Int)]) {
        let shift = place - utf8.startIndex
        for part in normalizedMatcher.parts(of: utf8) {
            switch part {
            case .token(let token, let range): result.append((token.id, range.lowerBound + shift))
            case .text(let range):
                var start = range.lowerBound
                while start < range.upperBound {
                    let end = PreTokenizer.borderOfPieces(in: utf8[start..<range.upperBound], near: start + 1 << 16)
                    appendSpans(of: utf8[start..<end], at: start + shift, to: &result)
                    start = end
                }
            }
        }
    }

    private func appendSpans(of utf8: ArraySlice<UInt8>, at place: Int, to result: inout [(id: Int32, start: Int)]) {
        let scalars = String(decoding: utf8, as: UTF8.self).unicodeScalars.map(ClassifiedScalar.init)
        var pieceStart = utf8.startIndex
        let shift = place - utf8.startIndex
        var ids: [Int32] = []
        for piece in definition.preTokenizer.pieces(of: scalars) {
            let pieceEnd = scalars[piece].reduce(pieceStart) { $0 + UTF8.width($1.scalar) }
            ids.removeAll(keepingCapacity: true)
            encoder.encode(utf8[pieceStart..<pieceEnd], into: &ids)
            var start = pieceStart + shift
            for id in ids {
                result.append((id, start))
                start += bytesByID[Int(id)].count
            }
            pieceStart = pieceEnd
        }
    }

    private func spelledBytes(of id: Int32) throws -> [UInt8] {
        guard id >= 0 else {
            throw TrainerError(.tokenOutOfRange, "token \(id) cannot be decoded", expected: "an id of 0 or more")
        }
        // Models often have more ids than their tokenizer, to round a size up. Those spell nothing.
        return Int(id) < bytesByID.count ? bytesByID[Int(id)] : []
    }

    private static func bytesByID(_ definition: Definition) throws -> [[UInt8]] {
        let ids = Array(definition.vocabulary.values) + definition.addedTokens.map(\.id)
        // A table by id must not be much larger than the tokens in it.
        let limit = min(1 << 24, max(1 << 18, 4 * ids.count))
        guard let highest = ids.max(), let lowest = ids.min(), lowest >= 0, highest < limit else {
            throw TrainerError(
                .corruptFile, "the tokenizer's ids span \(ids.min() ?? 0)...\(ids.max() ?? 0)",
                expected: "ids in 0..<\(limit) for \(ids.count) tokens")
        }
        var bytes = [[UInt8]](repeating: [], count: Int(highest) + 1)
        for (spelling, id) in definition.vocabulary {
            bytes[Int(id)] = ByteLevelAlphabet.bytes(of: spelling) ?? Array(spelling.utf8)
        }
        // `tokenizers` decodes added tokens by the same alphabet.
        for token in definition.addedTokens {
            bytes[Int(token.id)] = ByteLevelAlphabet.bytes(of: token.content) ?? Array(token.content.utf8)
        }
        return bytes
    }
}
