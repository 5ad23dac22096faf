import Foundation
import Swage
import SwageText
import TestSupport
import Testing

/// Small tokenizers of every kind, against what `tokenizers` makes of hard lines.
@Suite struct TokenizerPipelineTests {
    struct Golden: Decodable {
        struct Line: Decodable {
            var ids: [Int32]
            var spans: [[Int]]
            var full: [Int32]
            var decoded: String
            var skipped: String
        }

        var lines: [String]
        var expected: [String: [Line]]
    }

    private static let folder = "\(TestSupport.Golden.root)/tokenizers/parts"
    private static let golden = Result { try TestSupport.Golden.json(Golden.self, "tokenizers/parts/golden.json") }

    private static func data(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")) }

    static let names = (try? golden.get().expected.keys.sorted()) ?? []

    @Test(arguments: names)
    func theIDsPlacesAndDecodingsAreThoseOfTokenizers(_ name: String) throws {
        let golden = try Self.golden.get()
        let tokenizer = try TokenizerPipeline(tokenizerJSON: try Self.data(name), file: name)
        for (line, expected) in zip(golden.lines, golden.expected[name] ?? []) {
            let spans = try tokenizer.spans(of: line)
            #expect(spans.map(\.id) == expected.ids, "\(line.debugDescription)")
            #expect(spans.map { [$0.start, $0.end] } == expected.spans, "\(line.debugDescription)")
            #expect(try tokenizer.encode(line, addSpecialTokens: true) == expected.full)
            #expect(
                tokenizer.decode(expected.full, skipSpecialTokens: false).utf8.elementsEqual(expected.decoded.utf8),
                "\(line.debugDescription)")
            #expect(
                tokenizer.decode(expected.full, skipSpecialTokens: true).utf8.elementsEqual(expected.skipped.utf8),
                "\(line.debugDescription)")
        }
    }

    @Test func manyThreadsEncodeAlike() async throws {
        let golden = try Self.golden.get()
        let tokenizer = try TokenizerPipeline(tokenizerJSON: try Self.data("whole_words.json"))
        let expected = try #require(golden.expected["whole_words.json"]).map(\.full)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask { try zip(golden.lines, expected).allSatisfy { try tokenizer.encode($0, addSpecialTokens: true) == $1 } }
            }
            for try await isEqual in group { #expect(isEqual) }
        }
    }

    @Test func aStreamGivesTheTextOfTheWhole() throws {
        let tokenizer = try TokenizerPipeline(tokenizerJSON: try Self.data("fallback.json"))
        let text = "Hello 漢字 and 👍🏽 more"
        var stream = TokenDecodeStream(tokenizer, skipSpecialTokens: true)
        let parts = try tokenizer.encode(text, addSpecialTokens: true).compactMap { try stream.append($0) }
        #expect(parts.joined() == text)
        #expect(parts.count > 3)
    }

    @Test(arguments: [
        (#""normalizer":{"type":"Foo"}"#, "normalizer.type"), (#""pre_tokenizer":{"type":"Foo"}"#, "pre_tokenizer.type"),
        (#""decoder":{"type":"Foo"}"#, "decoder.type"), (#""post_processor":{"type":"Foo"}"#, "post_processor.type"),
        (#""pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a)\\1"},"behavior":"Isolated","invert":false}"#, #"the escape \1"#),
        (#""normalizer":{"type":"Replace","pattern":{"Regex":"a*"},"content":"b"}"#, "normalizer.pattern"),
        (#""version":"2.0""#, "version"),
    ])
    func whatIsNotKnownIsRefusedByName(_ part: String, _ name: String) throws {
        let json = #"{"model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"},\#(part)}"#
        let error = #expect(throws: TrainerError.self) { try TokenizerPipeline(tokenizerJSON: Data(json.utf8)) }
        #expect(error?.code == .unsupported)
        #expect(error?.message.contains(name) == true, "\(error?.message ?? "")")
    }
}
