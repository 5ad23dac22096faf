import Foundation
import Swage
import SwageRecipes
import Testing
import TestSupport

@Suite struct StockRewardTests {
    private struct Row: Decodable {
        var reply: String
        var answer: String
        var right: Double
    }

    private func score(_ reward: Reward, _ reply: String, _ answer: String) async throws -> Double {
        try await reward(
            Conversation(
                problem: Problem(messages: [ChatMessage(role: "user", content: "?")], answer: answer),
                messages: [ChatMessage(role: "assistant", content: reply)]))
    }

    /// The table of `Tests/Cases/number.jsonl`.
    @Test func theLastNumberIsComparedDigitByDigit() async throws {
        let path = Golden.repository + "/Tests/Cases/number.jsonl"
        for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
            let row = try JSONDecoder().decode(Row.self, from: Data(line.utf8))
            let found = try await score(.number, row.reply, row.answer)
            #expect(found == row.right, "\(row.reply) scores \(found), not \(row.right), where \(row.answer) is right")
        }
    }

    /// Whatever a model writes is scored, and one number beside it changes nothing.
    @Test func everyTextIsScored() async throws {
        var random = RandomNumbers(seed: 5)
        let pieces = [
            "1", "0", ",", ".", "-", "−", "e", "E", "+", "/", "$", "%", "\\frac{", "}", "{", "\\boxed{", "####", "\n", " ", "٣", "²", "3\u{20E3}", "x",
            "</think>",
        ]
        for _ in 0..<3000 {
            let text = (0..<random.size(0...12)).map { _ in pieces[random.size(0...pieces.count - 1)] }.joined()
            let found = try await score(.number, text + " 42", "42")
            if !text.contains("\\boxed") && !text.contains("####") && !text.hasSuffix("/") && !text.hasSuffix("$") {
                #expect(found == 1, "\(text) 42 scores \(found)")
            }
        }
    }

    @Test(arguments: [
        ("answer", 1.0), (" Answer\n", 1), ("<think>\n\n</think>\n\nanswer", 1), ("<think>no</think>answer", 1),
        ("thinking</think>\nanswer", 1), ("<think>answer", 0), ("<think>answer</think>", 0), ("an answer", 0),
    ])
    func aThoughtIsNoPartOfTheAnswer(_ reply: String, _ right: Double) async throws {
        #expect(try await score(.exactMatch, reply, "answer") == right, "\(reply)")
    }
}
