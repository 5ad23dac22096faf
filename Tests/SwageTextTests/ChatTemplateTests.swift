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
