import Foundation
import Swage
import SwageText
import Testing
import TestSupport

@Suite struct ExamplesTests {
    private func open(_ text: String, badLines: BadLines = .stop) async throws -> Examples<TrainingExample> {
        try await withTemporaryDirectory { directory in
            let path = directory + "/chats.jsonl"
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            return try Examples<TrainingExample>(path: path, badLines: badLines)
        }
    }

    private static let good = #"{"text": "fine"}"#

    @Test func allThreeFormsAreRead() async throws {
        let data = try await open(
            """
            {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}

            {"prompt": "1 + 1 =", "completion": " 2", "source": "ignored"}\r
            {"text": "Once upon a time"}
            """)
        #expect(data.count == 3)
        let chat = [ChatMessage(role: "user", content: "Hi"), ChatMessage(role: "assistant", content: "Ho")]
        #expect(try data[0] == .chat(Chat(chat)))
        #expect(data.report.notes.map(\.text).filter { $0.hasPrefix("read as") }.count == 3, "\(data.report.notes)")
        #expect(try data[1] == .completion(prompt: "1 + 1 =", completion: " 2"))
        #expect(try data[2] == .text("Once upon a time"))
    }

    @Test func aLineThatChangesWhileTheFileIsUsedIsRefusedAndWhatFollowsTheFileIsNot() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/chats.jsonl"
            func write(_ text: String) throws {
                let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
                try file.truncate(atOffset: 0)
                try file.write(contentsOf: Data(text.utf8))
                try file.close()
            }
            let lines = ["one", "two"].map { #"{"text": "\#($0)"}"# + "\n" }
            try lines.joined().write(toFile: path, atomically: true, encoding: .utf8)
            let data = try Examples<TrainingExample>(path: path)
            try write(lines.joined() + lines[0])
            #expect(try data[1] == .text("two"))
            for other in [lines[0] + lines[1].replacing("two", with: "TWO"), lines[0]] {
                try write(other)
                #expect(try data[0] == .text("one"))
                let error = #expect(throws: TrainerError.self) { try data[1] }
                #expect(error?.message == "\(path), line 2, has changed since the file was opened", "\(String(describing: error))")
            }
        }
    }

    @Test(arguments: [
        ("{\"text\": \"cut off", "JSON"), ("[1, 2]", "JSON"), ("{}", "messages"), (#"{"prompt": "alone"}"#, "completion"),
        (#"{"messages": []}"#, "empty"), (#"{"messages": [{"role": "user"}]}"#, "content"),
        (#"{"messages": "text"}"#, "messages"), (#"{"text": "a", "prompt": "b", "completion": "c"}"#, "either"),
        (#"{"text": 5}"#, "text"), ("\u{FFFD}", "JSON"),
    ])
    func aBrokenLineIsAnErrorWithFileLineAndReason(_ line: String, _ reason: String) async throws {
        let error = await #expect(throws: TrainerError.self) {
            _ = try await open("\(Self.good)\n\n\(line)\n\(Self.good)")
        }
        let text = try #require(error?.description)
        #expect(text.contains("chats.jsonl, line 3"), "\(text)")
        #expect(reason == "JSON" || text.contains(reason), "\(text)")
    }

    @Test func brokenLinesCanBeSkippedAndAreCounted() async throws {
        let data = try await open("\(Self.good)\nbroken\n\(Self.good)\n{}", badLines: .skip)
        #expect(data.count == 2)
        #expect(data.skipped.count == 2)
        #expect(data.skipped[1].contains("line 4"))
    }

    @Test(arguments: ["", "\n\n", "broken"])
    func aFileWithoutExamplesIsAnError(_ text: String) async throws {
        let error = await #expect(throws: TrainerError.self) { _ = try await open(text, badLines: .skip) }
        #expect(error?.description.contains("no examples") == true)
    }

    @Test func aMissingFileIsAnErrorWithItsPath() {
        let error = #expect(throws: TrainerError.self) { try Examples<TrainingExample>(path: "/nowhere/chats.jsonl") }
        #expect(error?.code == .inputOutput)
        #expect(error?.description.contains("/nowhere/chats.jsonl") == true)
    }

    private func reason(_ line: String) async -> String {
        do {
            let data = try await open(line)
            return "\(try data[0])"
        } catch {
            return "\(error)"
        }
    }

    private static let messages = #""messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]"#

    @Test(arguments: [
        #""tools": [1]"#, #""tools": "none""#, #""system": 5"#, #""label": false"#, #""train": false"#, #""weight": 0.5"#,
        #""images": ["a.png"]"#, #""chat_template_kwargs": [1]"#, #""parallel_tool_calls": true"#, #""documents": 1"#, #""tool_choice": "auto""#,
        #""kto_tag": false"#, #""history": [["a", "b"]]"#, #""conversations": [{}]"#, #""functions": 1"#, #""mask": [1]"#,
    ])
    func aKeyThatChangesAMeaningElsewhereIsRefused(_ member: String) async {
        let key = member.split(separator: ":")[0]
        let text = await reason("{\(Self.messages), \(member)}")
        #expect(text.contains("line 1") && text.contains(key), "\(text)")
    }

    @Test(arguments: [
        #""tool_calls": [{}]"#, #""tool_calls": "f()""#, #""weight": 0.5"#, #""train": "no""#, #""name": 1"#, #""thinking": 1"#,
        #""reasoning": ["why"]"#, #""function_call": {}"#, #""images": ["a.png"]"#, #""mask": [1]"#, #""prefix": true"#, #""tools": [1]"#,
    ])
    func aKeyOfAMessageThatChangesAMeaningElsewhereIsRefused(_ member: String) async {
        let key = member.split(separator: ":")[0]
        let text = await reason(
            #"{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho", \#(member)}]}"#)
        #expect(text.contains("line 1") && text.contains(key) && text.contains("message 2"), "\(text)")
    }

    @Test(arguments: [#""train": true"#, #""training": true"#, #""train_on_turn": true"#, #""loss": true"#, #""mask": false"#, #""masked": false"#])
    func aQuestionThatAsksToBeLearnedIsRefusedUnlessItsRoleIsAndOneThatDoesNotIsTheSame(_ member: String) async throws {
        func row(_ member: String) -> String {
            #"{"messages": [{"role": "user", "content": "Hi", \#(member)}, {"role": "assistant", "content": "Ho"}]}"#
        }
        let tokenizer = try TextTokenizer(path: Golden.decoder("qwen2"), chatTemplate: "chatml")
        let asking = try await open(row(member))[0]
        for learning in [LearnedTokens.assistant, .last] {
            let error = #expect(throws: TrainerError.self) { try asking.tokenize(with: tokenizer, learning: learning) }
            #expect(error?.message.contains("a message of the user is to be learned") == true, "\(String(describing: error))")
        }
        #expect(try asking.tokenize(with: tokenizer, learning: .roles(["user", "assistant"])).hasTarget)
        let other = member.contains("true") ? member.replacing("true", with: "false") : member.replacing("false", with: "true")
        let data = try await open(row(other))
        #expect(data.count == 1 && data.report.notes.count == 1, "\(data.report.notes)")
    }

    @Test(arguments: [
        #""parallel_tool_calls": false"#, #""tools": []"#, #""system": """#, #""tools": null"#, #""weight": 1"#, #""label": true"#, #""train": true"#,
        #""prompt": null"#,
    ])
    func aKeyWhoseValueAsksForNothingIsAccepted(_ member: String) async throws {
        let data = try await open("{\(Self.messages), \(member)}")
        #expect(data.count == 1)
    }

    @Test func aPromptBesideItsConversationIsReadAsTheConversation() async throws {
        let data = try await open(#"{"prompt": "Hi", \#(Self.messages)}"#)
        #expect(try data[0] == .chat(Chat([ChatMessage(role: "user", content: "Hi"), ChatMessage(role: "assistant", content: "Ho")])))
        #expect(data.report.notes.map(\.text) == ["read as conversations: messages"], "\(data.report.notes)")
        let text = await reason(#"{"prompt": "Ho", \#(Self.messages)}"#)
        #expect(text.contains("line 1") && text.contains("which is not what the user says first"), "\(text)")
    }

    /// Templates may well tell them from those that are not there.
    @Test func whatIsThereAndEmptyStaysThere() async throws {
        let row = #"{"role": "assistant", "content": "Ho", "reasoning_content": "", "tool_calls": []}"#
        let data = try await open(#"{"tools": [], "messages": [{"role": "user", "content": "Hi"}, \#(row)]}"#)
        guard case .chat(let chat) = try data[0] else { throw TrainerError(.invalidData, "no conversation") }
        #expect(chat.messages[1].reasoningContent == "" && chat.messages[1].fields["tool_calls"] == .list([]), "\(chat)")
        let template = "{{ tools is not none }} {{ messages[1].reasoning_content is defined }} {{ messages[1].tool_calls | length }}"
        let tokenizer = try TextTokenizer(path: Golden.decoder("qwen2"), chatTemplate: template)
        #expect(try tokenizer.text(of: chat, addGenerationPrompt: false) == "True True 0")
    }

    @Test func aKeyThatIsNotReadIsNamedOnce() async throws {
        let lines =
            (0..<204).map { #"{"text": "fine", "foo": \#($0)}"# } + [
                #"{"messages": [{"role": "user", "content": "a", "id": 1}, {"role": "user", "content": "b", "id": 2}]}"#
            ]
        let notes = try await open(lines.joined(separator: "\n")).report.notes.filter { !$0.text.hasPrefix("read as") }
        #expect(notes.map(\.text) == [#"the key "foo" is not read"#, #"the key "id" of a message is not read"#])
        #expect(notes.map(\.rows) == [204, 1] && notes.map(\.line) == [1, 205], "\(notes)")
    }

    @Test(arguments: [
        (#"{"messages": [{"role": "wizard", "content": "x"}]}"#, "wizard"),
        (#"{"messages": [{"role": "user", "content": "x", "weight": 2}]}"#, "weight"),
        (#"{"messages": [{"role": "user", "content": null}]}"#, "content"),
        (#"{"messages": [{"from": "alien", "value": "x"}]}"#, "alien"),
        (#"{"messages": [{"role": "user", "from": "human", "value": "x"}]}"#, "both"),
        (#"{"messages": [{"role": "user", "content": [{"type": "image", "url": "x"}]}]}"#, "image"),
        (#"{"messages": [{"role": "assistant", "content": "x", "reasoning": "a", "thinking": "b"}]}"#, "both"),
        (#"{"instruction": "x"}"#, "\"output\" or \"response\" is missing"),
        (#"{"question": "x", "answer": "y"}"#, "--map"),
        (#"{"prompt": "a", "completion": [{"role": "assistant", "content": "b"}]}"#, "two texts"),
        (#"{"prompt": [{"role": "user", "content": "a"}], "completion": [{"role": "user", "content": "b"}]}"#, "assistant"),
        (#"{"prompt": 3, "completion": 4}"#, "prompt"),
    ])
    func whatIsWrongWithAMessageIsSaid(_ line: String, _ mentioned: String) async {
        let text = await reason(line)
        #expect(text.contains("line 1") && text.contains(mentioned), "\(text)")
    }

    @Test func aPromptOfMessagesIsReadAndItsCompletionLearned() async throws {
        let data = try await open(
            #"{"prompt": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}], "completion": [{"role": "assistant", "content": "d"}]}"#
        )
        var definition = try GoldenTokenizerTests.tokenizer("tiny").definition
        definition.chatTemplate = try GivenTemplate.source("chatml")
        let tokenizer = try TextTokenizer(definition)
        let tokens = try data[0].tokenize(with: tokenizer, learning: .assistant)
        let learned = zip(tokens.ids, tokens.isTarget).filter(\.1).map(\.0)
        #expect(try tokenizer.decode(learned, skipSpecialTokens: false) == "d<|im_end|>")
    }

    private func failure(of bytes: Data) async throws -> TrainerError? {
        try await withTemporaryDirectory { directory in
            let path = directory + "/data.jsonl"
            try bytes.write(to: URL(fileURLWithPath: path))
            return #expect(throws: TrainerError.self) { try Examples<TrainingExample>(path: path) }
        }
    }

    @Test(
        arguments: [
            ([0x1F, 0x8B, 8, 0], "gzip"), (Array("PAR1".utf8), "Parquet"), ([0xFF, 0xFE, 0x7B, 0], "UTF-16"), (Array(" <html>".utf8), "page"),
            ([0x50, 0x4B, 3, 4], "zip"),
        ] as [([UInt8], String)])
    func aFileOfAnotherKindIsNamed(_ bytes: [UInt8], _ kind: String) async throws {
        let error = try await failure(of: Data(bytes))
        #expect(error?.description.contains(kind) == true, "\(String(describing: error))")
    }

    @Test(.timeLimit(.minutes(30))) func aPipeIsRefusedAtOnceWhereverItLies() async throws {
        try await withTemporaryDirectory { directory in
            #expect(mkfifo(directory + "/pipe", 0o600) == 0)
            for (path, kind) in [("pipe", "pipe is a pipe"), (".", "pipe is a pipe")] {
                let error = #expect(throws: TrainerError.self) { try Examples<TrainingExample>(path: "\(directory)/\(path)") }
                #expect(error?.description.contains(kind) == true, "\(String(describing: error))")
            }
        }
    }

    @Test func byteOrderMarksCarriageReturnsAndLineSeparatorsAreRead() async throws {
        let data = try await open("\u{FEFF}{\"text\": \"a\u{2028}b\"}\r\n \t\r\n{\"text\": \"c\"}")
        #expect(try data[0] == .text("a\u{2028}b"))
        #expect(try data[1] == .text("c"))
    }

    @Test func aLongLineIsReadAndABadOneIsQuotedInPart() async throws {
        let long = String(repeating: "abcdefg ", count: 1 << 20)
        let data = try await open("\(Self.good)\n{\"text\": \"\(long)\"}\n\(Self.good)")
        #expect(try data[1] == .text(long))
        #expect(try data[2] == .text("fine"))
        let error = try await failure(of: Data("{\"text\": {\"\(long)\": 1}}".utf8))
        #expect((error?.description.count ?? 0) < 2000)
        let other = try await failure(of: Data("{\"\(long)\" 1}".utf8))
        #expect((other?.description.count ?? 0) < 2000)
    }

    @Test func aFileThatIsCutAfterItWasOpenedIsAnErrorAndNoTrap() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/data.jsonl"
            try (Self.good + "\n" + Self.good).write(toFile: path, atomically: false, encoding: .utf8)
            let data = try Examples<TrainingExample>(path: path)
            #expect(truncate(path, 10) == 0)
            let error = #expect(throws: TrainerError.self) { try data[1] }
            #expect(error?.code == .invalidData && error?.message.contains("has changed") == true, "\(String(describing: error))")
        }
    }
}

/// Examples that no file has.
@Suite struct ExamplesInMemoryTests {
    private static let own: [TrainingExample] = [.text("one"), .completion(prompt: "1 + 1 =", completion: " 2"), .text("three")]

    @Test func theyAreThereInTheirOrderUnderTheirNumbers() throws {
        let examples = try Examples(Self.own, name: "my examples")
        #expect(try (0..<examples.count).map { try examples[$0] } == Self.own)
        #expect(examples.line(2) == 3 && examples.report.rows == 3 && examples.name == "my examples" && examples.path == nil)
        let kept = examples.keeping([2, 0])
        #expect(try kept[0] == Self.own[2] && kept.line(0) == 3)
    }

    @Test func theirDigestIsThatOfTheSameExamplesInTheSameOrder() throws {
        let digest = try Examples(Self.own).contentDigest
        #expect(try Examples(Self.own[...], name: "another").contentDigest == digest)
        #expect(try Examples(Self.own.reversed()).contentDigest != digest)
        #expect(try Examples(Array(Self.own.dropLast())).contentDigest != digest)
    }

    @Test func noneAreRefused() {
        let error = #expect(throws: TrainerError.self) { try Examples([TrainingExample]()) }
        #expect(error?.code == .invalidData)
    }
}
