import Foundation
import Swage
import SwageText
import Testing
import TestSupport

private let templatesOfTRL = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: ".deps/templates/trl")

/// What is learned of conversations in public chat templates, beside what the templates' own marks say, and as a property.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: templatesOfTRL.path)), .timeLimit(.minutes(30)))
struct LearnedTextTests {
    /// Templates of which more is learned than their marks hold. This tokenizer has no token that ends texts: what closes a turn is
    /// what the template writes before anybody answers, and that goes further than the marks where a call of a tool is closed by the
    /// beginning of its result (the first two), or where a conversation is closed by a token of its own.
    private static let otherwise = [
        "diffusion_gemma_training.jinja", "gptoss_training.jinja", "phi3_5_training.jinja", "phi3_training.jinja",
    ]

    private struct Sample {
        let name: String
        let chat: Chat
    }

    private static func samples() throws -> (samples: [Sample], variables: [String: String]) {
        let document = try JSONValue(json: Data(contentsOf: URL(filePath: Golden.root + "/conversations.json")))
        let samples = (document["conversations"]?.list ?? []).compactMap { conversation -> Sample? in
            var notes: [String] = []
            // One conversation has two thoughts that differ, which rows may not.
            guard let name = conversation["name"]?.text, let messages = try? conversation["messages"]?.messages("messages", &notes) else { return nil }
            return Sample(name: name, chat: Chat(messages, tools: name.contains("tool") ? document["tools"]?.list ?? [] : []))
        }
        let variables = (document["variables"]?.object?.members ?? []).compactMap { member in member.value.text.map { (member.key, $0) } }
        return (samples, Dictionary(uniqueKeysWithValues: variables))
    }

    /// The tiny tokenizer with every token that a template spells as special ones are spelled.
    private static func tokenizer(_ source: String, _ variables: [String: String]) throws -> TextTokenizer {
        var definition = try GoldenTokenizerTests.tokenizer("tiny").definition
        definition.chatTemplate = source
        definition.specialTokens = variables
        let special = #/<\|[^|{}'" ]*\|>|<｜[^{}'"]*?｜>|<[a-z_]+of[a-z_]+>|\[/?[A-Z_]+\]|<[a-z_]+\|>|<\|[a-z_]+>/#
        let names = Set(source.matches(of: special).map { String($0.output) } + variables.values)
        let known = Set(definition.pipeline.addedContents.map(\.content))
        let first = Int32(definition.pipeline.idCount)
        let further = names.subtracting(known).sorted().enumerated().map { AddedToken(id: first + Int32($0), content: $1, isSpecial: true) }
        definition.pipeline = try definition.pipeline.adding(further, file: "the test")
        return try TextTokenizer(definition)
    }

    private static func templates() throws -> [(name: String, source: String)] {
        try FileManager.default.contentsOfDirectory(atPath: templatesOfTRL.path).filter { $0.hasSuffix(".jinja") }.sorted().map {
            ($0, try String(contentsOf: templatesOfTRL.appending(path: $0), encoding: .utf8))
        }
    }

    @Test func whatIsLearnedOfAMessageIsItsOwnAndWholeAndEveryTokenHasAnOwner() throws {
        let (samples, variables) = try Self.samples()
        var learned = 0
        for (name, source) in try Self.templates() {
            let tokenizer = try Self.tokenizer(source, variables)
            for sample in samples {
                guard let tokens = try? tokenizer.encode(chat: sample.chat, addGenerationPrompt: false) else { continue }
                let text = try tokenizer.text(of: sample.chat, addGenerationPrompt: false)
                #expect(tokens.owners.count == tokens.ids.count && tokens.isTarget.count == tokens.ids.count)
                #expect(try tokenizer.decode(tokens.ids, skipSpecialTokens: false) == text, "\(name), \(sample.name)")
                for (index, isTarget) in tokens.isTarget.enumerated() where isTarget && tokens.owners[index] >= 0 {
                    let role = sample.chat.messages[Int(tokens.owners[index])].role
                    #expect(role == "assistant", "\(name), \(sample.name): a token of the \(role) is learned")
                }
                // The name of a tool that was called is written again before its result, and is no word of the assistant there.
                for (number, message) in sample.chat.messages.enumerated() where message.role == "assistant" && message.fields["tool_calls"] == nil {
                    let own = tokens.owners.indices.filter { tokens.owners[$0] == number }
                    #expect(own.allSatisfy { tokens.isTarget[$0] }, "\(name), \(sample.name): not all of message \(number + 1) is learned")
                    learned += own.count
                }
            }
        }
        #expect(learned > 5000, "only \(learned) tokens were learned")
    }

    @Test func marksOfTheTemplatesHoldNothingElseButForTheseThatAreNamed() throws {
        let (samples, variables) = try Self.samples()
        var (marked, fewer) = (0, Set<String>())
        for (name, source) in try Self.templates() where source.contains("generation %}") {
            let tokenizer = try Self.tokenizer(source, variables)
            for sample in samples {
                guard let tokens = try? tokenizer.encode(chat: sample.chat, addGenerationPrompt: false) else { continue }
                marked += 1
                if tokens.notes.contains(where: { $0.contains("own marks") && !$0.hasSuffix(" 0 fewer") }) { fewer.insert(name) }
            }
        }
        #expect(marked > 300, "only \(marked) conversations were compared")
        #expect(fewer.sorted() == Self.otherwise, "\(fewer.sorted())")
    }
}
