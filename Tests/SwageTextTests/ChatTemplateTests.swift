import Foundation
import Swage
import SwageText
import Testing
import TestSupport

/// Chat formats against the text that Jinja makes of the models' own templates.
@Suite struct ChatTemplateTests {
    struct Document: Decodable {
        struct Case: Decodable {
            var template: String
            var messages: [ChatMessage]
            var addGenerationPrompt: Bool
            var text: String
        }
        var templates: [String: String]
        var cases: [Case]
    }

    private func tokenizer(template: String?) throws -> TextTokenizer {
        var definition = try GoldenTokenizerTests.tokenizer("tiny").definition
        definition.chatTemplate = try template.map(GivenTemplate.source)
        definition.specialTokens = ["bos_token": "<|begin_of_text|>", "eos_token": "<|im_end|>"]
        return try TextTokenizer(definition)
    }

    @Test func renderingEqualsTheModelsOwnTemplate() throws {
        let document = try Golden.json(Document.self, "chat_templates.json")
        for expected in document.cases {
            let tokenizer = try tokenizer(template: document.templates[expected.template])
            let text = try tokenizer.text(of: Chat(expected.messages), addGenerationPrompt: expected.addGenerationPrompt)
            #expect(text == expected.text, "\(expected.template)")
        }
    }

    @Test func targetsAreTheAssistantsTurnsWithTheTokensThatEndThem() throws {
        let tokenizer = try tokenizer(template: "chatml")
        let tokens = try tokenizer.encode(
            chat: [
                ChatMessage(role: "user", content: "Hi there"), ChatMessage(role: "assistant", content: "Yo man"),
                ChatMessage(role: "user", content: "And?"), ChatMessage(role: "assistant", content: "\n\nDone"),
            ], addGenerationPrompt: false)
        let targets = zip(tokens.ids, tokens.isTarget).filter(\.1).map(\.0)
        #expect(try tokenizer.decode(targets, skipSpecialTokens: false) == "Yo man<|im_end|>\n\nDone<|im_end|>")
    }

    @Test(arguments: [
        ("{{ something else }}", TrainerError.Code.unsupported, "line 1"), ("{% include 'x' %}", .unsupported, "include"),
        ("{{ messages[0].missing.field }}", .invalidData, "missing"), ("{{ raise_exception('no wizards') }}", .invalidData, "no wizards"),
        ("{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}", .tooLarge, "end"),
    ])
    func aTemplateThatCannotBeUsedIsAnErrorThatSaysWhy(_ template: String, _ code: TrainerError.Code, _ mentioned: String) throws {
        var definition = try GoldenTokenizerTests.tokenizer("tiny").definition
        definition.chatTemplate = template
        let tokenizer = try TextTokenizer(definition)
        let error = #expect(throws: TrainerError.self) {
            try tokenizer.encode(chat: [ChatMessage(role: "user", content: "x")], addGenerationPrompt: true)
        }
        #expect(error?.code == code && error?.description.contains(mentioned) == true, "\(String(describing: error))")
    }

    @Test(arguments: ["chatmll", "/nowhere/x.jinja", "{% if %}", "", "."])
    func whatIsNoTemplateIsRefused(_ given: String) {
        let error = #expect(throws: TrainerError.self) { try GivenTemplate.source(given) }
        #expect(error?.code == .invalidOption, "\(String(describing: error))")
    }

    @Test func aTemplateCanLieInAFile() async throws {
        try await withTemporaryDirectory { directory in
            let source = "{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor %}"
            try source.write(toFile: directory + "/x.jinja", atomically: true, encoding: .utf8)
            #expect(try GivenTemplate.source(directory + "/x.jinja") == source)
            let text = try tokenizer(template: source).text(of: Chat([ChatMessage(role: "tool", content: "7")]), addGenerationPrompt: false)
            #expect(text == "tool: 7")
        }
    }

    private static let partsReaders =
        "{% for m in messages %}<{{ m.role }}>"
        + "{% if m.role != 'tool' and m.content is not string %}{% for p in m.content %}[{{ p.text | trim }}]{% endfor %}"
        + "{% else %}{{ m.content }}{% endif %}{% endfor %}"

    @Test(arguments: [
        // The list, as transformers gives it; and one text where a role of the template spells the list, or where all of it fails.
        (partsReaders, "<user>[a][b]<assistant>[c]<tool>d e"),
        ("{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}{% endfor %}", "<user>a b<assistant>c<tool>d e"),
        ("{% for m in messages %}{{ '<' + m.role + '>' + m.content }}{% endfor %}", "<user>a b<assistant>c<tool>d e"),
        // Only the first part would come out, and none at all.
        (
            "{% for m in messages %}<{{ m.role }}>{{ m.content[0].text if m.content is not string else m.content }}{% endfor %}",
            "<user>a b<assistant>c<tool>d e"
        ),
        ("{% for m in messages %}<{{ m.role }}>{% if m.content is string %}{{ m.content }}{% endif %}{% endfor %}", "<user>a b<assistant>c<tool>d e"),
        // A template that reads parts alone.
        ("{% for m in messages %}<{{ m.role }}>{% for p in m.content %}{{ p['text'] }}|{% endfor %}{% endfor %}", "<user>a |b|<assistant>c|<tool>d |e|"),
    ])
    func partsComeAsTheTemplateCanReadThemAndAreWordsOfTheirMessage(_ template: String, _ expected: String) throws {
        func message(_ role: String, _ texts: [String]) -> ChatMessage {
            ChatMessage(role: role, content: texts.joined(), fields: ["content": .list(texts.map { ["type": "text", "text": .text($0)] })])
        }
        let chat = Chat([message("user", ["a ", "b"]), message("assistant", ["c"]), message("tool", ["d ", "e"])])
        let tokenizer = try tokenizer(template: template)
        #expect(try tokenizer.text(of: chat, addGenerationPrompt: false) == expected)
        let tokens = try tokenizer.encode(chat: chat, addGenerationPrompt: false)
        for (owner, foreign) in [(Int32(0), "cde"), (1, "bde"), (2, "abc")] {
            let own = tokens.owners.indices.filter { tokens.owners[$0] == owner }
            #expect(!own.isEmpty && own.allSatisfy { tokens.isTarget[$0] == (owner == 1) }, "message \(owner): \(tokens)")
            let text = try tokenizer.decode(own.map { tokens.ids[$0] }, skipSpecialTokens: false)
            #expect(!text.contains { foreign.contains($0) }, "message \(owner) has \(text) of \(expected)")
        }
    }

    @Test func whatATemplateHasNoPlaceForIsSaid() throws {
        let chat = Chat(
            [ChatMessage(role: "user", content: "Hi"), ChatMessage(role: "assistant", content: "Ho")], tools: [["name": "f"]], documents: [["title": "t"]],
            templateArguments: ["enable_thinking": false])
        let notes = try tokenizer(template: "chatml").encode(chat: chat, addGenerationPrompt: false).notes
        for mentioned in ["tools", "documents", "enable_thinking"] { #expect(notes.contains { $0.contains(mentioned) }, "\(notes)") }
        let source = "{{ tools | tojson }}{{ documents[0].title }}{{ enable_thinking }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
        let others = try tokenizer(template: source).encode(chat: chat, addGenerationPrompt: false).notes
        #expect(!others.contains { $0.contains("tools") || $0.contains("documents") || $0.contains("enable_thinking") }, "\(others)")
    }

    @Test func whatATemplateIsToldReachesIt() throws {
        let source =
            "{{ tools | tojson }}{{ documents[0].title }}{{ enable_thinking }}{{ messages[0].tool_calls[0].name }}"
            + "{{ messages[0].content }}{{ bos_token }}"
        let message = ChatMessage(role: "assistant", content: "", fields: ["tool_calls": [["name": "f"]], "content": nil])
        let chat = Chat([message], tools: [["type": "function"]], documents: [["title": "T"]], templateArguments: ["enable_thinking": false])
        let text = try tokenizer(template: source).text(of: chat, addGenerationPrompt: false)
        #expect(text == #"[{"type": "function"}]TFalsef<|begin_of_text|>"#)
    }

    @Test(arguments: [
        ("message.thinking", "why"), ("message['thinking']", "why"), ("message.reasoning_content", "why"), ("message.reasoning", ""),
    ])
    func aThoughtStandsWhereTheTemplateLooksForIt(_ expression: String, _ found: String) throws {
        let source = "{% for message in messages %}{{ \(expression) }}{% endfor %}"
        let chat = Chat([ChatMessage(role: "assistant", content: "x", reasoningContent: "why")])
        #expect(try tokenizer(template: source).text(of: chat, addGenerationPrompt: false) == found)
    }
}
