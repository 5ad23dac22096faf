import Foundation
import Swage
import SwageRecipes
import Testing

/// Data as people have it.
@Suite struct FormatTests {
    @Test(arguments: [
        #"{"prompt": "2 + 2?", "answer": 4, "source": "book"}"#,
        #"{"prompt": [{"role": "user", "content": "2 + 2?"}], "solution": "4", "source": "book"}"#,
        #"{"messages": [{"role": "user", "content": "2 + 2?"}], "reference_answer": "4", "source": "book"}"#,
        #"{"messages": [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}], "source": "book"}"#,
    ])
    func problemsOfTRLAndOpenAIAreRead(_ line: String) throws {
        let problem = try Problem(json: Data(line.utf8))
        let expected = Problem(
            messages: [ChatMessage(role: "user", content: "2 + 2?")], answer: "4", fields: ["source": "book"])
        #expect(problem == expected, "\(line) became \(problem)")
    }

    @Test(arguments: [
        #"{"prompt": [{"role": "user", "content": "Hi"}], "chosen": [{"role": "assistant", "content": "Hello"}], "rejected": [{"role": "assistant", "content": "Go"}]}"#,
        #"{"chosen": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "rejected": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Go"}]}"#,
        #"{"input": {"messages": [{"role": "user", "content": "Hi"}]}, "preferred_output": [{"role": "assistant", "content": "Hello"}], "non_preferred_output": [{"role": "assistant", "content": "Go"}]}"#,
    ])
    func preferencesOfTRLAndOpenAIAreRead(_ line: String) throws {
        let pair = try PreferencePair(json: Data(line.utf8))
        #expect(pair.prompt == [ChatMessage(role: "user", content: "Hi")] && !pair.isText)
        #expect(pair.chosen.map(\.content) == ["Hello"] && pair.rejected.map(\.content) == ["Go"])
    }

    @Test func plainTextIsNoConversation() throws {
        let pair = try PreferencePair(json: Data(#"{"prompt": "The sky", "chosen": " is blue", "rejected": " is up"}"#.utf8))
        #expect(pair.isText && pair.chosen[0].content == " is blue")
    }

    @Test(arguments: [
        "{", "[]", "{}", #"{"prompt": 3}"#, #"{"messages": []}"#, #"{"messages": [{"role": "user"}]}"#,
        #"{"messages": [{"role": "assistant", "content": "4"}]}"#,
    ])
    func badProblemsAreErrors(_ line: String) {
        let error = #expect(throws: TrainerError.self) { try Problem(json: Data(line.utf8)) }
        #expect(error?.code == .invalidData)
    }

    @Test(arguments: [
        "{}", #"{"prompt": "a", "chosen": "b"}"#, #"{"prompt": "a", "chosen": "b", "rejected": "b"}"#,
        #"{"chosen": "b", "rejected": "c"}"#, #"{"prompt": 1, "chosen": "b", "rejected": "c"}"#,
    ])
    func badPairsAreErrors(_ line: String) {
        let error = #expect(throws: TrainerError.self) { try PreferencePair(json: Data(line.utf8)) }
        #expect(error?.code == .invalidData)
    }

    @Test func heldOutProblemsAreNeverLearnedFrom() throws {
        for difficulty in 1...5 {
            let training = try ArithmeticProblems(difficulty: difficulty, seed: 1)
            let heldOut = try ArithmeticProblems(difficulty: difficulty, seed: 2, part: .heldOut)
            let learned = Set((0..<400).map { training.problem($0).messages[0].content })
            let measured = Set((0..<400).map { heldOut.problem($0).messages[0].content })
            #expect(learned.isDisjoint(with: measured), "difficulty \(difficulty)")
        }
    }
}
