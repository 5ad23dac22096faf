import Foundation
import Swage

/// Byte-level byte pairs, as GPT-2, Llama 3, SmolLM2 and Qwen use, where nothing else is asked of a tokenizer.
struct BytePairEngine: TokenizerEngine {
    private let definition: BPETokenizer.Definition
    private let encoder: BytePairEncoder
    /// Finds tokens in the text as it comes, and in what the normalizer makes of the rest.
    private let matcher: AddedTokenMatcher
    private let normalizedMatcher: AddedTokenMatcher
    private let bytesByID: [[UInt8]]
    private let addedIDs: Set<Int32>
    let specialIDs: Set<Int32>

    var idCount: Int { bytesByID.count }
    var prefixIDs: [Int32] { definition.prefixIDs }
    var suffixIDs: [Int32] { definition.suffixIDs }

    /// - Throws: ``Swage/TrainerError`` with code `corruptFile` if the parts do not fit each other.
    init(_ definition: BPETokenizer.Definition) throws {
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
        addedIDs = Set(definition.addedTokens.map(\.id))
        specialIDs = Set(definition.addedTokens.filter(\.isSpecial).map(\.id))
        bytesByID = try Self.bytesByID(definition)
    }

    var summary: String {
        let steps = definition.preTokenizer.steps.map(\.summary).joined(separator: ", then ")
        let count = "byte-level BPE, \(idCount) tokens, \(definition.addedTokens.count) of them added"
        let form = definition.normalizesToNFC ? "; text in composed form (NFC)" : ""
        return "\(count); \(steps.isEmpty ? "text is not cut" : steps)\(form)"
    }

    func isAdded(_ id: Int32) -> Bool { addedIDs.contains(id) }

    func decode(_ ids: [Int32], skipSpecialTokens: Bool) throws -> String {
        var bytes: [UInt8] = []
        for id in ids where !(skipSpecialTokens && specialIDs.contains(id)) { bytes += try spelledBytes(of: id) }
        return String(decoding: bytes, as: UTF8.self)
    }

    func bytes(of id: Int32) throws -> [UInt8] { specialIDs.contains(id) ? [] : try spelledBytes(of: id) }

    func spans(of utf8: ArraySlice<UInt8>, _ place: TextPlace) -> [(id: Int32, start: Int)] {
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

    private static func bytesByID(_ definition: BPETokenizer.Definition) throws -> [[UInt8]] {
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
