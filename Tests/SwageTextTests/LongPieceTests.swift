import Foundation
import Swage
import SwageText
import Testing

/// Pieces of more than 40 bytes are merged pair by pair at first, and from left to right once 65,536 bytes of them have come.
@Suite struct LongPieceTests {
    private static let enough = 70_000

    /// A tokenizer whose merges are those that training finds: the pair that comes most often, again and again.
    private static func tokenizer(_ texts: [[String]], letters: [String], merges count: Int, isReversed: Bool = false) throws -> TokenizerPipeline {
        var (texts, spellings, merges) = (texts, letters, [JSONValue]())
        for _ in 0..<count {
            var counts: [[String]: Int] = [:]
            for text in texts { for (left, right) in zip(text, text.dropFirst()) { counts[[left, right], default: 0] += 1 } }
            guard let best = counts.max(by: { ($0.value, $1.key[0], $1.key[1]) < ($1.value, $0.key[0], $0.key[1]) })?.key else { break }
            let joined = best[0] + best[1]
            if !spellings.contains(joined) { spellings.append(joined) }
            merges.append(.list(best.map { .text($0) }))
            texts = texts.map { text in
                text.reduce(into: []) { merged, symbol in
                    if symbol == best[1], merged.last == best[0] { merged[merged.count - 1] = joined } else { merged.append(symbol) }
                }
            }
        }
        var vocabulary: JSONObject = [:]
        for (id, spelling) in spellings.enumerated() { vocabulary[spelling] = .number(id) }
        let model: JSONValue = [
            "type": "BPE", "vocab": .object(vocabulary), "merges": .list(isReversed ? merges.reversed() : merges), "unk_token": .text(letters[0]),
        ]
        let file: JSONValue = ["version": "1.0", "added_tokens": [], "model": model]
        return try TokenizerPipeline(tokenizerJSON: Data(file.json.utf8))
    }

    @Test("A long piece comes to the same tokens from left to right as pair by pair", arguments: 0..<40)
    func order(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let letters = "abcdefg▁é".prefix(2 + seed % 8).map(String.init)
        func text(_ length: Int) -> [String] {
            (0..<length).map { _ in
                letters[min(Int.random(in: 0..<letters.count, using: &random), Int.random(in: 0..<letters.count, using: &random))]
            }
        }
        // Every fourth has merges that come before what they join, which are only made pair by pair.
        let tokenizer = try Self.tokenizer((0..<30).map { _ in text(60) }, letters: letters, merges: 20 + seed * 3, isReversed: seed % 4 == 3)
        // The last few have a character that no token has.
        let texts = (0..<200).map { number in text(Int.random(in: 41...200, using: &random)).joined() + (number > 190 ? "?" : "") }
        let before = try texts.map { try tokenizer.spans(of: $0) }
        _ = try tokenizer.encode(text(Self.enough).joined(), addSpecialTokens: false)
        for (text, before) in zip(texts, before) {
            let after = try tokenizer.spans(of: text)
            #expect(after.map(\.id) == before.map(\.id), "seed \(seed), \(text)")
            #expect(after.map(\.start) == before.map(\.start) && after.map(\.end) == before.map(\.end), "seed \(seed), \(text)")
        }
    }
}
