import Foundation
import Swage
import SwageFiles
import SwageText
import Testing
import TestSupport

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
        #"{"prompt": "Hi", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}"#,
        #"{"prompt": [{"role": "user", "content": "Hi"}], "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}"#,
        #"{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}], "system": ""}"#,
        #"{"instruction": "Hi", "input": "", "output": "Ho", "text": "Instruction: Hi, Response: Ho"}"#,
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

    @Test func whatAnInstructionIsAboutIsAsked() throws {
        let asked = ChatMessage(role: "user", content: "Hi\nthere")
        for key in ["input", "context"] {
            #expect(try read(#"{"instruction": "Hi", "\#(key)": "there", "response": "Ho"}"#) == .chat(Chat([asked, Self.ho])), "\(key)")
        }
    }

    @Test func theClassOfATextIsNoVerdictOnAnAnswer() throws {
        for label in ["0", "1", "2", "false", "\"no\""] {
            var notes: [String] = []
            let example = try TrainingExample(json: Data(#"{"text": "Hi", "label": \#(label)}"#.utf8), notes: &notes)
            #expect(example == .text("Hi") && notes.contains(#"the key "label" is not read"#), "\(label): \(notes)")
        }
        for row in [#"{"text": "Hi", "completion": "Ho"}"#, #"{"text": "Hi", "prompt": "Ho"}"#, #"{"text": "Hi", "loss_weight": 2}"#] {
            #expect(throws: TrainerError.self, "\(row)") { try read(row) }
        }
    }

    @Test(arguments: [
        (["user=q", "assistant=a", "system=s"], ["system", "user", "assistant"]), (["assistant=a", "user=q"], ["user", "assistant"]),
        (["user=q", "assistant=a", "user=s"], ["user", "assistant", "user"]),
    ])
    func columnsBecomeAConversationInItsOrder(_ map: [String], _ roles: [String]) throws {
        var used: Set<Int> = []
        let row = try RowMap(map).apply(to: ["q": "Q", "a": "A", "s": "S"], used: &used)
        #expect(row["messages"]?.list?.compactMap { $0["role"]?.text } == roles && used.count == map.count, "\(row)")
    }

    @Test func twoKeysCanChangeTheirNamesWithEachOther() throws {
        var used: Set<Int> = []
        let row = try RowMap(["prompt=completion", "completion=prompt"]).apply(to: ["prompt": "Ho", "completion": "Hi"], used: &used)
        #expect(row["prompt"]?.text == "Hi" && row["completion"]?.text == "Ho" && used == [0, 1], "\(row)")
        #expect(throws: TrainerError.self) { try RowMap(["prompt=question"]).apply(to: ["prompt": "a", "question": "b"], used: &used) }
    }

    @Test func rolesAreAskedForOfConversationsAlone() throws {
        let tokenizer = try TextTokenizer(path: Golden.decoder("qwen2"), chatTemplate: "chatml")
        func learned(_ row: String, _ learning: LearnedTokens) throws -> String {
            let tokens = try read(row).tokenize(with: tokenizer, learning: learning)
            return try tokenizer.decode(zip(tokens.ids, tokens.isTarget).filter(\.1).map(\.0), skipSpecialTokens: true)
        }
        let lists = #"{"prompt": [{"role": "user", "content": "Hi"}], "completion": [{"role": "assistant", "content": "Ho"}]}"#
        #expect(try learned(lists, .roles(["user", "assistant"])).contains("Hi"))
        #expect(try learned(lists, .assistant).hasPrefix("Ho"))
        for row in [#"{"text": "Hi there"}"#, #"{"prompt": "Hi", "completion": "Ho"}"#] {
            let error = #expect(throws: TrainerError.self) { try learned(row, .roles(["user"])) }
            #expect(error?.message.contains("no role speaks") == true, "\(String(describing: error))")
        }
    }

    /// Its prompt is written differently once there is an answer.
    @Test func listsAreLearnedAsTheConversationThatTheyAre() throws {
        let template = """
            {% for m in messages %}<{{ m.role }}>{{ m.content }}{% if m.role == 'assistant' %}<end>{% endif %}{% endfor %}\
            {% if add_generation_prompt %}<assistant><think>{% endif %}
            """
        let tokenizer = try TextTokenizer(path: Golden.decoder("qwen2"), chatTemplate: template)
        let whole = try read(#"{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}"#)
        let parts = try read(#"{"prompt": [{"role": "user", "content": "Hi"}], "completion": [{"role": "assistant", "content": "Ho"}]}"#)
        #expect(try parts.tokenize(with: tokenizer, learning: .assistant) == whole.tokenize(with: tokenizer, learning: .assistant))
    }

    @Test func aContentInPartsIsKeptInPartsWithoutWhatIsNullInThem() throws {
        let parts = #"[{"type": "text", "text": "H", "image": null}, "i"]"#
        let row = #"{"messages": [{"role": "user", "content": \#(parts)}, {"role": "assistant", "content": "Ho"}]}"#
        let asked = ChatMessage(role: "user", content: "Hi", fields: ["content": [["type": "text", "text": "H"], "i"]])
        #expect(try read(row) == .chat(Chat([asked, Self.ho])))
    }

    @Test(arguments: [
        (#"{"type": "image", "image": "a.png"}"#, #"of the type "image""#), (#"{"type": "image_url", "image_url": {"url": "a"}}"#, #"of the type "image_url""#),
        (#"{"type": "text", "text": "x", "audio": "a.wav"}"#, #"with the key "audio""#), (#"{"video": "a.mp4"}"#, #"with the key "video""#),
        (#"{"type": "text"}"#, "an object without a text"), ("7", "7"),
    ])
    func aPartThatIsNoTextIsRefusedByItsName(_ part: String, _ name: String) {
        let row = #"{"messages": [{"role": "user", "content": ["x", \#(part)]}, {"role": "assistant", "content": "Ho"}]}"#
        let error = #expect(throws: TrainerError.self) { try read(row) }
        #expect(error?.message.contains(name) == true && error?.message.contains("message 1") == true, "\(String(describing: error))")
    }

    @Test(
        arguments: ["label", "kto_tag"],
        [#""prompt": "Hi", "completion": "Ho""#, #""messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]"#])
    func anAnswerThatPeopleRejectIsNeverLearned(_ key: String, _ row: String) throws {
        for value in ["false", "0", "\"no\""] {
            let error = #expect(throws: TrainerError.self) { try read("{\(row), \"\(key)\": \(value)}") }
            #expect(error?.message.contains("an answer that people reject") == true, "\(value): \(String(describing: error))")
            #expect(error?.description.contains("--skip-bad-lines") == true && error?.description.withoutAdvice.contains("--skip") == false)
        }
        var notes: [String] = []
        _ = try TrainingExample(json: Data("{\(row), \"\(key)\": true}".utf8), notes: &notes)
        #expect(notes.count == 1 && notes[0].contains("\(key), which is true"), "\(notes)")
    }

    @Test(arguments: [
        (#""enable_thinking": true, "chat_template_kwargs": {"enable_thinking": false}"#, "in \"chat_template_kwargs\""),
        (#""chat_template_kwargs": {"add_generation_prompt": true}"#, "add_generation_prompt"),
        (#""chat_template_kwargs": {"messages": []}"#, "messages"),
    ])
    func whatATemplateIsToldTwiceIsRefused(_ told: String, _ mentioned: String) {
        let error = #expect(throws: TrainerError.self) { try read(#"{"messages": [{"role": "user", "content": "Hi"}], \#(told)}"#) }
        #expect(error?.message.contains(mentioned) == true, "\(String(describing: error))")
    }

    @Test(arguments: [
        (#"{"question": "Hi", "answer": "Ho"}"#, ["question", "--map messages=question"]),
        (#"{"prompt": "Hi", "answer": "Ho"}"#, ["for prompts with completions, \"completion\" is missing", "--map completion=answer"]),
        (#"{"prompt": "Hi", "chosen": "a", "rejected": "b"}"#, ["swage dpo"]),
    ])
    func aRowOfNoFormIsRefusedWithTheNearestAndAMap(_ row: String, _ mentioned: [String]) {
        let error = #expect(throws: TrainerError.self) { try read(row) }
        #expect(mentioned.allSatisfy { error?.description.contains($0) == true }, "\(String(describing: error))")
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

    @Test func whatStandsInOneTextIsDividedWhereANameBegins() throws {
        let map = try RowMap(["user=the question assistant=answer", "text=a=b"])
        #expect(map.entries.map { "\($0.name)<\($0.source)" } == ["user<the question", "assistant<answer", "text<a=b"])
        #expect(try RowMap(["messages=text", "content=text"]).entries.count == 2)
    }

    @Test(arguments: [["messages"], ["=a"], ["user="], ["wizard=a"], ["user=q", "assistant=q"], ["text=a", "text=b"], ["content=a", "role=a"], [""]])
    func aMapThatSaysNothingIsRefused(_ texts: [String]) {
        let error = #expect(throws: TrainerError.self) { try RowMap(texts) }
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
