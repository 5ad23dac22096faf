import Foundation
import Swage
import SwageText
import Testing
import TestSupport

/// Every row of a file is counted once, and what is counted as learned is what batches have as targets.
@Suite(.timeLimit(.minutes(30))) struct DataReportTests {
    private static func row(_ random: inout SeededGenerator) -> String {
        func words(_ most: Int) -> String {
            let words = ["red", "key", "the", "door", "4", "naïve"]
            return (0..<Int.random(in: 0...most, using: &random)).map { _ in words.randomElement(using: &random)! }.joined(separator: " ")
        }
        func message(_ role: String) -> String {
            let weight = ["", "", #", "weight": 0"#].randomElement(using: &random)!
            return #"{"role": "\#(role)", "content": "\#(words(12))"\#(role == "assistant" ? weight : "")}"#
        }
        switch Int.random(in: 0..<12, using: &random) {
        case 0: return #"{"text": "\#(words(40))"}"#
        case 1: return #"{"prompt": "\#(words(40))", "completion": "\#(words(6))"}"#
        case 2: return #"{"prompt": [\#(message("user"))], "completion": [\#(message("assistant"))]}"#
        case 3: return #"{"messages": [\#(message("user"))]}"#
        case 4: return #"{"messages": [\#(message("tool"))]}"#
        case 5: return #"{"text": "\#(words(3))", "source": 3}"#
        case 6: return ["{", "[]", "{}", #"{"text": 5}"#, #"{"text": "a", "text": "b"}"#].randomElement(using: &random)!
        case 7: return ["", "   ", "\t"].randomElement(using: &random)!
        default: return #"{"messages": [\#(message("user")), \#(message("assistant")), \#(message("user")), \#(message("assistant"))]}"#
        }
    }

    @Test(arguments: [UInt64(1), 2, 3, 4], [LearnedTokens.assistant, .last, .all, .roles(["user"])])
    func theCountsAddUpToTheRowsAndTheTargetsToThoseOfAnEpoch(_ seed: UInt64, _ learning: LearnedTokens) async throws {
        try await withTemporaryDirectory { directory in
            var random = SeededGenerator(seed: seed)
            let lines = (0..<150).map { _ in Self.row(&random) } + [#"{"text": "one that fits"}"#]
            let path = directory + "/data.jsonl"
            try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
            let data = try Examples<TrainingExample>(path: path, badLines: .skip)
            var definition = try GoldenTokenizerTests.tokenizer("tiny").definition
            (definition.chatTemplate, definition.endOfSequenceIDs) = (try GivenTemplate.source("chatml"), [2])
            let tokenizer = try TextTokenizer(definition)
            let options = ExampleStream.Options(rows: 1, sequenceLength: 60, packing: false, learnedTokens: learning, shuffleSeed: seed)
            let (uses, report) = try data.examine { try options.examine($0, with: tokenizer).withoutUse }

            let rows = lines.count { !$0.allSatisfy(\.isWhitespace) }
            #expect(report.rows == rows && report.used + report.leftOutRows == rows && report.unseen == 0, "\(report)")
            #expect(report.cut > 0 && report.leftOutRows > 0 && report.whole > 0 && uses.count == report.used, "\(report)")

            var stream = try ExampleStream(data.keeping(uses.map(\.index)), tokenizer: tokenizer, options: options)
            var (targets, tokens) = (0, 0)
            for _ in 0..<report.used {
                let next = try stream.next()
                targets += next.batch.targetCount
                tokens += next.positionCount
            }
            #expect(stream.position.epoch == 0 || stream.position.drawn == stream.position.waiting.count, "\(stream.position)")
            #expect(targets == report.targets && tokens == report.tokens, "\(targets) targets of \(tokens) tokens; \(report)")

            // What is not sorted out beforehand is passed over on the way.
            var unsorted = try ExampleStream(data, tokenizer: tokenizer, options: options)
            #expect(try (0..<report.used).reduce(0) { sum, _ in try sum + unsorted.next().batch.targetCount } > 0)
        }
    }

    @Test(arguments: [true, false], [UInt64(0), 1, 2, 3, 4, 5])
    func oneExampleWithinReachIsEnough(_ packing: Bool, _ seed: UInt64) async throws {
        try await withTemporaryDirectory { directory in
            let long = String(repeating: "word ", count: 40)
            let path = directory + "/data.jsonl"
            try """
            {"prompt": "short", "completion": " yes"}
            {"prompt": "\(long)", "completion": " no"}
            """.write(toFile: path, atomically: true, encoding: .utf8)
            let data = try Examples<TrainingExample>(path: path)
            var stream = try ExampleStream(
                data, tokenizer: GoldenTokenizerTests.tokenizer("tiny"),
                options: .init(rows: 1, sequenceLength: 32, packing: packing, shuffleSeed: seed))
            for step in 0..<12 { #expect(try stream.next().batch.targetCount > 0, "step \(step)") }
        }
    }

    @Test func whatCannotBeTokenizedIsNamedByItsLineOrLeftOut() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/data.jsonl"
            let good = #"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}"#
            let odd = good.replacingOccurrences(of: #""content": "b""#, with: #""content": null, "tool_calls": [{"name": "f"}]"#)
            try [good, good, "", odd, good].joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
            var definition = try GoldenTokenizerTests.tokenizer("tiny").definition
            definition.chatTemplate = try GivenTemplate.source("chatml")
            let tokenizer = try TextTokenizer(definition)
            let options = ExampleStream.Options(rows: 1, sequenceLength: 60)
            let error = #expect(throws: TrainerError.self) {
                try Examples<TrainingExample>(path: path).examine { try options.examine($0, with: tokenizer) }
            }
            #expect(error?.message.contains("data.jsonl, line 4") == true && error?.message.contains("fails on the conversation") == true)
            let report = try Examples<TrainingExample>(path: path, badLines: .skip).examine { try options.examine($0, with: tokenizer) }.report
            #expect(report.rows == 4 && report.whole == 3 && report.leftOut.map(\.lines) == [[4]], "\(report)")
        }
    }
}
