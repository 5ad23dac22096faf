import Foundation
import Swage
import SwageText
import Testing

/// Rows of training data in the forms that people have them.
@Suite struct RowShapeTests {
    private func read(_ row: String) throws -> TrainingExample { try TrainingExample(json: Data(row.utf8)) }

    private static let (hi, ho) = (ChatMessage(role: "user", content: "Hi"), ChatMessage(role: "assistant", content: "Ho"))

    @Test(arguments: [
        #"{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}"#,
        #"{"messages": "[{\"role\": \"user\", \"content\": \"Hi\"}, {\"role\": \"assistant\", \"content\": \"Ho\"}]"}"#,
        #"{"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}]}"#,
        #"{"conversation": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}"#,
        #"{"instruction": "Hi", "input": "", "output": "Ho"}"#,
        #"{"instruction": "Hi", "response": "Ho"}"#,
        #"{"messages": [{"role": "user", "content": [{"type": "text", "text": "H"}, {"type": "text", "text": "i"}]}, {"role": "assistant", "content": "Ho"}]}"#,
        #"{"prompt": "Hi", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}"#,
        #"{"prompt": [{"role": "user", "content": "Hi"}], "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}"#,
        #"{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}], "tools": [], "system": ""}"#,
    ])
    func theseRowsAreOneConversation(_ row: String) throws {
        #expect(try read(row) == .chat(Chat([Self.hi, Self.ho])))
    }

    @Test(arguments: [
        #"{"system": "Be", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}"#,
        #"{"system": "Be", "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}]}"#,
        #"{"system_prompt": "Be", "instruction": "Hi", "output": "Ho"}"#,
        #"{"conversations": [{"from": "system", "value": "Be"}, {"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}]}"#,
        #"{"system": "Be", "messages": [{"role": "system", "content": "Be"}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}"#,
    ])
    func aSystemMessageBesideAConversationBeginsIt(_ row: String) throws {
        #expect(try read(row) == .chat(Chat([ChatMessage(role: "system", content: "Be"), Self.hi, Self.ho])))
    }

    @Test func anInstructionIsAskedWithItsInputAndAfterItsHistory() throws {
        let row = #"{"instruction": "Add", "input": "1 2", "output": "3", "history": [["Hi", "Ho"]]}"#
        #expect(
            try read(row)
                == .chat(
                    Chat([Self.hi, Self.ho, ChatMessage(role: "user", content: "Add\n1 2"), ChatMessage(role: "assistant", content: "3")])))
    }

    private static let call: JSONValue = ["type": "function", "function": ["name": "f", "arguments": ["x": 1]]]

    @Test(arguments: [
        #"{"role": "assistant", "content": null, "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {"x": 1}}}]}"#,
        #"{"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {"x": 1}}}]}"#,
        #"{"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": {"x": 1}}}"#,
        #"{"from": "function_call", "value": "{\"name\": \"f\", \"arguments\": {\"x\": 1}}"}"#,
    ])
    func aCallOfAToolIsKept(_ message: String) throws {
        let row = #"{"messages": [{"role": "user", "content": "Hi"}, \#(message)], "tools": "[{\"name\": \"f\"}]"}"#
        guard case .chat(let chat) = try read(row) else { throw TrainerError(.invalidData, "no chat") }
        #expect(chat.tools == [["name": "f"]])
        #expect(chat.messages[1].fields["tool_calls"] == .list([Self.call]), "\(chat.messages[1])")
        #expect(chat.messages[1].content.isEmpty && chat.messages[1].fields.keys.contains("content"), "\(chat.messages[1])")
    }

    @Test func theResultOfAToolAndItsNamesAreKept() throws {
        let tool = #"{"role": "tool", "name": "f", "tool_call_id": "7", "content": "12"}"#
        let row = #"{"messages": [{"role": "user", "content": "Hi"}, \#(tool), {"role": "assistant", "content": "Ho"}]}"#
        let result = ChatMessage(role: "tool", content: "12", fields: ["tool_call_id": "7", "name": "f"])
        #expect(try read(row) == .chat(Chat([Self.hi, result, Self.ho])))
    }

    @Test(arguments: ["reasoning_content", "thinking", "reasoning", "thought"])
    func aThoughtIsKeptUnderEachOfItsNames(_ key: String) throws {
        let row = #"{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho", "\#(key)": "why"}]}"#
        var answer = Self.ho
        answer.reasoningContent = "why"
        #expect(try read(row) == .chat(Chat([Self.hi, answer])))
    }

    @Test func whatATemplateIsToldIsKept() throws {
        let told = #""documents": [{"title": "a"}], "chat_template_kwargs": {"k": 1}, "enable_thinking": false"#
        let row = #"{"messages": [{"role": "user", "content": "Hi"}], \#(told)}"#
        #expect(
            try read(row) == .chat(Chat([Self.hi], documents: [["title": "a"]], templateArguments: ["k": 1, "enable_thinking": false])))
    }

    @Test(arguments: [#""weight": 0"#, #""train": false"#, #""mask": true"#, #""train_on_turn": false"#, #""loss": false"#])
    func anAnswerThatIsNotToBeLearnedHasTheWeight0(_ member: String) throws {
        let row = #"{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho", \#(member)}]}"#
        guard case .chat(let chat) = try read(row) else { throw TrainerError(.invalidData, "no chat") }
        #expect(chat.messages[1].weight == 0, "\(chat.messages[1])")
    }

    @Test(arguments: [
        (
            ["messages=dialog", "role=who", "content=said", "user=me", "assistant=you"],
            #"{"dialog": [{"who": "me", "said": "Hi"}, {"who": "you", "said": "Ho"}]}"#
        ),
        (["user=question", "assistant=answer"], #"{"question": "Hi", "answer": "Ho"}"#),
        (["instruction=ask", "output=say"], #"{"ask": "Hi", "say": "Ho"}"#),
    ])
    func aMapSaysWhichKeyIsWhich(_ map: [String], _ row: String) throws {
        var used: Set<Int> = []
        let value = try JSONValue(json: Data(row.utf8))
        let mapped = try RowMap(map).apply(to: #require(value.object), used: &used)
        #expect(try read(JSONValue.object(mapped).json) == .chat(Chat([Self.hi, Self.ho])), "\(JSONValue.object(mapped).json)")
        #expect(used.count == map.count, "\(used) of \(map)")
    }

    @Test(arguments: ["messages", "=a", "user=", "wizard=a"])
    func aMapThatSaysNothingIsRefused(_ text: String) {
        let error = #expect(throws: TrainerError.self) { try RowMap([text]) }
        #expect(error?.code == .invalidOption, "\(String(describing: error))")
    }
}

/// Which messages count.
@Suite struct LearnedTokensTests {
    @Test(arguments: ["assistant", "last", "all", "user", "user,assistant"])
    func itsSpellingIsReadAgain(_ text: String) { #expect(LearnedTokens(rawValue: text)?.rawValue == text) }

    @Test(arguments: ["", "wizard", "user,", "user,user", "Assistant"])
    func whatNamesNothingIsNone(_ text: String) { #expect(LearnedTokens(rawValue: text) == nil) }
}
