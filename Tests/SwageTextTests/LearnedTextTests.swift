import Foundation
import Swage
import SwageText
import Testing
import TestSupport

private let publicTemplates = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: ".deps/templates")
private let templatesOfTRL = publicTemplates.appending(path: "trl")
/// Those of llama.cpp are fetched by hand alone: scripts/fetch_templates.sh.
private let fetchedCollections = ["trl", "llama.cpp"].filter { FileManager.default.fileExists(atPath: publicTemplates.appending(path: $0).path) }

/// What is learned of conversations in public chat templates, beside what the templates' own marks say, and as a property.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: templatesOfTRL.path)), .timeLimit(.minutes(30)))
struct LearnedTextTests {
    /// Templates of which more is learned than their marks hold. This tokenizer has no token that ends texts: what closes a turn is
    /// what the template writes before anybody answers, and that goes further than the marks where a call of a tool is closed by the
    /// beginning of its result (the first two), or where a conversation is closed by a token of its own.
    private static let otherwise = [
        "diffusion_gemma_training.jinja", "phi3_5_training.jinja", "phi3_training.jinja",
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

    private static func templates(_ folder: URL = templatesOfTRL) throws -> [(name: String, source: String)] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return try names.filter { $0.hasSuffix(".jinja") }.sorted().map { ($0, try String(contentsOf: folder.appending(path: $0), encoding: .utf8)) }
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

    /// Told by the text alone: every message has words that no other has.
    @Test(arguments: fetchedCollections)
    func everyWordOfTheAssistantThatComesOutIsLearnedAndNoOther(_ folder: String) throws {
        let (_, variables) = try Self.samples()
        let tools = try JSONValue(json: Data(contentsOf: URL(filePath: Golden.root + "/conversations.json")))["tools"]?.list ?? []
        var (learnedWords, otherWords) = (0, 0)
        for (number, (name, source)) in try Self.templates(publicTemplates.appending(path: folder)).enumerated() {
            let tokenizer = try Self.tokenizer(source, variables)
            var random = RandomConversations(seed: UInt64(number), tools: tools)
            for _ in 0..<24 {
                let (chat, words) = random.next()
                guard let tokens = try? tokenizer.encode(chat: chat, addGenerationPrompt: false) else { continue }
                let text = try tokenizer.text(of: chat, addGenerationPrompt: false)
                #expect(try tokenizer.decode(tokens.ids, skipSpecialTokens: false) == text, "\(name): the tokens are not the text")
                let learned = try Self.runs(tokens).map { try tokenizer.decode($0, skipSpecialTokens: false) }.joined(separator: "\n")
                for (word, isLearned) in words {
                    let (found, wanted) = (learned.count(of: word), isLearned ? text.count(of: word) : 0)
                    #expect(found == wanted, "\(name): \(word) is learned \(found) times, and should be \(wanted) times, in \(text.debugDescription)")
                    if isLearned { learnedWords += wanted } else { otherWords += 1 }
                }
            }
        }
        #expect(learnedWords > 2000 && otherWords > 2000, "\(learnedWords) words learned, \(otherWords) others")
    }

    /// The tokens that are learned, run by run.
    private static func runs(_ tokens: TargetedTokens) -> [[Int32]] {
        zip(tokens.ids, tokens.isTarget).split { !$0.1 }.map { $0.map(\.0) }
    }
}

extension String {
    /// How often a text stands in this one.
    fileprivate func count(of word: String) -> Int { ranges(of: word).count }
}

/// Conversations with and without tools, thoughts, parts and weights, of words that come once.
private struct RandomConversations {
    private var random: RandomNumbers
    private let tools: [JSONValue]
    private var words: [(word: String, isLearned: Bool)] = []

    init(seed: UInt64, tools: [JSONValue]) { (random, self.tools) = (RandomNumbers(seed: seed), tools) }

    mutating func next() -> (chat: Chat, words: [(word: String, isLearned: Bool)]) {
        words = []
        let hasTools = isDrawn(3)
        var messages = isDrawn(2) ? [message("system", false)] : []
        for _ in 0..<random.size(1...3) {
            messages.append(message("user", false))
            if hasTools, isDrawn(2) {
                var call = message("assistant", true)
                call.fields["tool_calls"] = .list([self.call()])
                messages += [call, message("tool", false, fields: ["name": "get_weather", "tool_call_id": "abcdefghi"])]
            }
            var answer = message("assistant", true)
            if isDrawn(4) { answer.reasoningContent = said(true) }
            messages.append(answer)
        }
        return (Chat(messages, tools: hasTools ? tools : []), words)
    }

    private mutating func call() -> JSONValue {
        ["type": "function", "id": "abcdefghi", "function": ["name": "get_weather", "arguments": ["city": .text(said(true))]]]
    }

    private mutating func message(_ role: String, _ isLearned: Bool, fields: JSONObject = [:]) -> ChatMessage {
        let parts = (0..<random.size(1...3)).map { _ in said(isLearned) + " " }
        var message = ChatMessage(role: role, content: parts.joined(), fields: fields)
        if isDrawn(3) { message.fields["content"] = .list(parts.map { ["type": "text", "text": .text($0)] }) }
        return message
    }

    private mutating func said(_ isLearned: Bool) -> String {
        (0..<random.size(1...3)).map { _ in
            words.append(("w\(words.count)x", isLearned))
            return words.last!.word
        }.joined(separator: " ")
    }

    private mutating func isDrawn(_ one: Int) -> Bool { random.size(1...one) == 1 }
}
