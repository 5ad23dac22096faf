import Foundation
import Swage
import SwageFiles
import SwageText
import Testing
import TestSupport

/// Ids and decoded text against the `tokenizers` library, on the corpus of hard texts.
@Suite struct GoldenTokenizerTests {
    struct Case: Decodable {
        var ids: [Int32]
        var withSpecial: [Int32]
        var decoded: String
    }

    static func tokenizer(_ name: String) throws -> TextTokenizer {
        if name == "smollm2" { return try ModelFiles.open(Golden.smolLM2).tokenizer.get() }
        let json = try Data(contentsOf: URL(fileURLWithPath: "\(Golden.root)/tokenizers/\(name).json"))
        return try TextTokenizer(TextTokenizer.Definition(tokenizerJSON: json))
    }

    static let names = ["gpt2", "smollm", "llama3", "qwen2", "tiny", "smollm2"]

    @Test(arguments: names)
    func idsEqualThoseOfTokenizers(_ name: String) throws {
        let tokenizer = try Self.tokenizer(name)
        let cases = try Golden.json([Case].self, "tokenizers/\(name).golden.json")
        let corpus = try Golden.corpus()
        #expect(corpus.count == cases.count)
        for (text, expected) in zip(corpus, cases) {
            #expect(try tokenizer.encode(text, addSpecialTokens: false) == expected.ids, "\(text.debugDescription)")
            #expect(try tokenizer.encode(text, addSpecialTokens: true) == expected.withSpecial)
        }
    }

    @Test(arguments: names)
    func decodingEqualsThatOfTokenizers(_ name: String) throws {
        let tokenizer = try Self.tokenizer(name)
        for expected in try Golden.json([Case].self, "tokenizers/\(name).golden.json") {
            let decoded = try tokenizer.decode(expected.ids, skipSpecialTokens: false)
            #expect(Array(decoded.utf8) == Array(expected.decoded.utf8), "\(decoded.debugDescription)")
        }
    }

    @Test(arguments: names)
    func streamingGivesTheSameTextAndNeverHalfACharacter(_ name: String) throws {
        let tokenizer = try Self.tokenizer(name)
        for text in try Golden.corpus() {
            let ids = try tokenizer.encode(text, addSpecialTokens: false)
            var decoder = StreamingDecoder(tokenizer)
            var streamed = ""
            for id in ids {
                let piece = try decoder.append(id)
                #expect(text.contains("\u{FFFD}") || !piece.contains("\u{FFFD}"))
                streamed += piece
            }
            streamed += decoder.finish()
            #expect(streamed == (try tokenizer.decode(ids, skipSpecialTokens: true)))
        }
    }

    @Test(arguments: names)
    func writtenTokenizerJSONReadsBackAsTheSameTokenizer(_ name: String) throws {
        let tokenizer = try Self.tokenizer(name)
        let again = try TextTokenizer(TextTokenizer.Definition(tokenizerJSON: try tokenizer.definition.tokenizerJSON()))
        for text in try Golden.corpus() {
            let ids = try tokenizer.encode(text, addSpecialTokens: true)
            #expect(try again.encode(text, addSpecialTokens: true) == ids)
        }
    }
}
