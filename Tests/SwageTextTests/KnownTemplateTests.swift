import Foundation
import Swage
import SwageText
import Testing
import TestSupport

/// Chat formats on random conversations, against the text that Jinja makes of published templates.
@Suite(.timeLimit(.minutes(30))) struct KnownTemplateTests {
    private struct Document: Decodable {
        var conversations: [[ChatMessage]]
        /// For each format, the digest of what it makes of each conversation, without and with a generation prompt; null where
        /// that was not written down.
        var texts: [String: [String?]]
    }

    private func tokenizer(_ template: String) throws -> BPETokenizer {
        var definition = try GoldenTokenizerTests.tokenizer("tiny").definition
        definition.chatTemplate = try GivenTemplate.source(template)
        definition.specialTokens = ["bos_token": "<|begin_of_text|>", "eos_token": "<|im_end|>"]
        return try BPETokenizer(definition)
    }

    @Test(arguments: [
        (".chatML(defaultSystem: nil)", "chatml"), (".qwen3", "qwen3"), (".llama3(date: nil)", "llama3"),
        (".llama3(date: .fixed(\"26 Jul 2024\"))", "llama3.1"),
        (".chatML(defaultSystem: \"You are Qwen, created by Alibaba Cloud. You are a helpful assistant.\")", "qwen2.5"),
        (".chatML(defaultSystem: \"You are a helpful AI assistant named SmolLM, trained by Hugging Face\")", "smollm2"),
    ])
    func renderingEqualsThatOfTheTemplates(_ format: String, _ name: String) throws {
        let document = try Golden.json(Document.self, "known_templates.json")
        let templates = try Golden.json(ChatTemplateTests.Document.self, "chat_templates.json").templates
        let tokenizer = try tokenizer(#require(templates[name]))
        let expected = try #require(document.texts[format])
        #expect(expected.count == 2 * document.conversations.count && expected.count { $0 != nil } > 200)
        for (index, digest) in expected.enumerated() {
            guard let digest else { continue }
            let chat = Chat(document.conversations[index / 2])
            let text = try? tokenizer.text(of: chat, addGenerationPrompt: index % 2 == 1)
            #expect(text.map { ContentDigest.of(Data($0.utf8)) } == digest, "\(name), \(chat): \(text?.debugDescription ?? "refused")")
        }
    }

    @Test(arguments: ["chatml", "llama3", "qwen3"])
    func aFormatThatIsChosenByNameIsExportedAsATemplate(_ name: String) throws {
        let named = try tokenizer(name)
        let source = try #require(named.definition.chatTemplate)
        let chat = Chat([ChatMessage(role: "user", content: " x "), ChatMessage(role: "assistant", content: "<think>y</think>z")])
        #expect(source.contains("{%"), "\(source)")
        #expect(try tokenizer(source).text(of: chat, addGenerationPrompt: true) == named.text(of: chat, addGenerationPrompt: true))
    }
}
