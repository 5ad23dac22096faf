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

    private func tokenizer(template: String?) throws -> BPETokenizer {
        var definition = try GoldenTokenizerTests.tokenizer("tiny").definition
        definition.chatTemplate = template
        return try BPETokenizer(definition)
    }

    @Test func renderingEqualsTheModelsOwnTemplate() throws {
        let document = try Golden.json(Document.self, "chat_templates.json")
        for expected in document.cases {
            let tokenizer = try tokenizer(template: document.templates[expected.template])
            let text = try tokenizer.text(of: expected.messages, addGenerationPrompt: expected.addGenerationPrompt)
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

    @Test func anUnknownTemplateIsAnErrorThatQuotesIt() throws {
        let tokenizer = try tokenizer(template: "{{ something else }}")
        let error = #expect(throws: TrainerError.self) {
            try tokenizer.encode(chat: [ChatMessage(role: "user", content: "x")], addGenerationPrompt: true)
        }
        #expect(error?.code == .unsupported)
        #expect(error?.description.contains("something else") == true)
    }

    @Test func aStrangeRoleIsAnErrorThatNamesIt() throws {
        let tokenizer = try tokenizer(template: "chatml")
        let error = #expect(throws: TrainerError.self) {
            try tokenizer.encode(chat: [ChatMessage(role: "wizard", content: "x")], addGenerationPrompt: true)
        }
        #expect(error?.description.contains("wizard") == true)
    }
}
