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
        #expect(pair.prompt == Chat([ChatMessage(role: "user", content: "Hi")]) && !pair.isText)
        #expect(pair.chosen.map(\.content) == ["Hello"] && pair.rejected.map(\.content) == ["Go"])
    }

    @Test func plainTextIsNoConversation() throws {
        let pair = try PreferencePair(json: Data(#"{"prompt": "The sky", "chosen": " is blue", "rejected": " is up"}"#.utf8))
        #expect(pair.isText && pair.chosen[0].content == " is blue")
    }

    @Test(arguments: [
        // Null is not there.
        (#"{"prompt": "2 + 2?", "answer": null, "solution": "4"}"#, "4"), (#"{"prompt": "2 + 2?", "answer": null}"#, nil),
        (#"{"prompt": null, "messages": [{"role": "user", "content": "2 + 2?"}], "answer": "4"}"#, "4"),
        // A solution is not part of what is asked.
        (#"{"messages": [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "It is 4"}], "answer": "4"}"#, "4"),
        (#"{"messages": [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "It is 4"}], "answer": null}"#, "It is 4"),
        (#"{"prompt": [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": ""}], "answer": "4"}"#, "4"),
        (#"{"prompt": "2 + 2?", "messages": [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}]}"#, "4"),
        (#"{"prompt": "2 + 2?", "answer": 12345678901234567890}"#, "12345678901234567890"),
        (#"{"prompt": "2 + 2?", "answer": 0.1}"#, "0.1"),
    ])
    func whatIsAskedAndWhatIsRightAreToldApart(_ line: String, _ answer: String?) throws {
        let problem = try Problem(json: Data(line.utf8))
        #expect(problem.messages == [ChatMessage(role: "user", content: "2 + 2?")], "\(line) became \(problem)")
        #expect(problem.answer == answer && problem.fields.isEmpty, "\(line) became \(problem)")
    }

    @Test func whatIsNoAnswerIsAFieldAndNullIsNone() throws {
        let line = #"{"prompt": "Say", "answer": "4", "solution": "2 + 2 is 4", "topic": null, "list": [1, null], "n": 3}"#
        let problem = try Problem(json: Data(line.utf8))
        #expect(problem.answer == "4")
        #expect(problem.fields == ["solution": "2 + 2 is 4", "list": "[1,null]", "n": "3"], "\(problem.fields)")
    }

    @Test(arguments: [
        // The prompt alone, and at the beginning of both completions.
        #"{"prompt": "Q", "chosen": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}], "rejected": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "B"}]}"#,
        #"{"prompt": [{"role": "user", "content": "Q"}], "chosen": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}], "rejected": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "B"}]}"#,
        #"{"prompt": null, "chosen": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}], "rejected": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "B"}]}"#,
        #"{"prompt": [{"role": "user", "content": "Q"}], "chosen": "A", "rejected": "B"}"#,
        #"{"chosen": null, "rejected": null, "input": {"messages": [{"role": "user", "content": "Q"}]}, "preferred_output": [{"role": "assistant", "content": "A"}], "non_preferred_output": [{"role": "assistant", "content": "B"}]}"#,
    ])
    func aPromptIsReadOnce(_ line: String) throws {
        let pair = try PreferencePair(json: Data(line.utf8))
        #expect(pair.prompt == Chat([ChatMessage(role: "user", content: "Q")]) && !pair.isText, "\(line) became \(pair)")
        #expect(pair.chosen.map(\.content) == ["A"] && pair.rejected.map(\.content) == ["B"], "\(line) became \(pair)")
    }

    @Test func aPromptAfterASystemMessageIsReadOnce() throws {
        let system = #"{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}"#
        let line =
            #"{"prompt": "Q", "chosen": [\#(system), {"role": "assistant", "content": "A"}], "rejected": [\#(system), {"role": "assistant", "content": "B"}]}"#
        let pair = try PreferencePair(json: Data(line.utf8))
        #expect(pair.prompt.messages.map(\.content) == ["S", "Q"] && pair.chosen.count == 1 && pair.rejected.count == 1, "\(pair)")
    }

    @Test(arguments: [("Hi", "Hi! How are you?", "Hi."), ("2", "20 apples", "25 pears"), ("天空", "天空蓝", "天空绿")])
    func aTextThatBeginsAsItsPromptIsLearnedWholeAndSaidToBe(_ prompt: String, _ chosen: String, _ rejected: String) throws {
        let line = #"{"prompt": "\#(prompt)", "chosen": "\#(chosen)", "rejected": "\#(rejected)"}"#
        var notes: [String] = []
        let pair = try PreferencePair(json: Data(line.utf8), notes: &notes)
        #expect(pair.isText && pair.chosen[0].content == chosen && pair.rejected[0].content == rejected, "\(pair)")
        #expect(notes.count == 2 && notes[0].contains("begin with the prompt"), "\(notes)")
    }

    @Test(arguments: [#""Hi""#, #"[{"role": "user", "content": "Hi"}]"#])
    func aQuestionThatComesAgainInTheCompletionsStaysWhereItIs(_ prompt: String) throws {
        func side(_ last: String) -> String {
            #"[{"role": "assistant", "content": "Ho"}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "\#(last)"}]"#
        }
        let pair = try PreferencePair(json: Data(#"{"prompt": \#(prompt), "chosen": \#(side("Ho")), "rejected": \#(side("No"))}"#.utf8))
        #expect(pair.prompt.messages.map(\.content) == ["Hi"] && pair.chosen.map(\.content) == ["Ho", "Hi", "Ho"], "\(pair)")
    }

    @Test(arguments: [
        #"{"prompt": "Q", "chosen": "A", "rejected": [{"role": "assistant", "content": "B"}]}"#,
        #"{"prompt": "Q", "chosen": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}], "rejected": [{"role": "assistant", "content": "B"}]}"#,
        #"{"prompt": "Q", "input": {"messages": [{"role": "user", "content": "Q"}]}, "chosen": "A", "rejected": "B"}"#,
        #"{"prompt": "Q", "chosen": "A", "preferred_output": "A", "rejected": "B"}"#,
        #"{"input": {"messages": [{"role": "user", "content": "Q"}], "tools": [{}]}, "tools": [], "preferred_output": [{"role": "assistant", "content": "A"}], "non_preferred_output": [{"role": "assistant", "content": "B"}]}"#,
        #"{"prompt": "Q", "chosen": "A", "rejected": "B", "system": "S"}"#,
    ])
    func pairsThatCouldBeReadInTwoWaysAreErrors(_ line: String) {
        let error = #expect(throws: TrainerError.self) { try PreferencePair(json: Data(line.utf8)) }
        #expect(error?.code == .invalidData, "\(String(describing: error))")
    }

    @Test(arguments: [
        #"{"prompt": "3 + 3?", "messages": [{"role": "user", "content": "2 + 2?"}], "answer": "4"}"#,
        #"{"prompt": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "So"}], "answer": "4"}"#,
        #"{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "It is 4"}, {"role": "assistant", "content": ""}], "answer": "4"}"#,
        #"{"prompt": "Q", "answer": "4", "label": false}"#, #"{"prompt": "Q", "answer": "4", "weight": 0}"#,
        #"{"prompt": "Q", "answer": "4", "train": false}"#, #"{"prompt": "Q", "answer": "4", "enable_thinking": true}"#,
        #"{"prompt": "Q", "answer": "4", "tools": [{}]}"#, #"{"prompt": "Q", "answer": "4", "system": 1}"#,
        #"{"prompt": [{"role": "function", "content": "x"}], "answer": "4"}"#,
    ])
    func problemsThatCouldBeReadInTwoWaysAreErrors(_ line: String) {
        let error = #expect(throws: TrainerError.self) { try Problem(json: Data(line.utf8)) }
        #expect(error?.code == .invalidData, "\(String(describing: error))")
    }

    @Test func whatStandsBesideAQuestionIsAsked() throws {
        let problem = try Problem(json: Data(#"{"prompt": "Q", "answer": "4", "system": "S"}"#.utf8))
        #expect(problem.messages.map(\.role) == ["system", "user"] && problem.messages.map(\.content) == ["S", "Q"], "\(problem)")
        let sides = #""preferred_output": [{"role": "assistant", "content": "A"}], "non_preferred_output": [{"role": "assistant", "content": "B"}]"#
        let input = #"{"messages": [{"role": "user", "content": "Q"}], "tools": [{}], "parallel_tool_calls": true}"#
        let pair = try PreferencePair(json: Data(#"{"input": \#(input), \#(sides)}"#.utf8))
        #expect(pair.prompt.tools.count == 1 && pair.prompt.messages.map(\.content) == ["Q"], "\(pair)")
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
