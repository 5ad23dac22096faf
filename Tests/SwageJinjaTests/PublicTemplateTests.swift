import Foundation
import SwageJinja
import SwageText
import Testing

private enum Place {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    static let templates = root.appending(path: ".deps/templates")
}

/// Public chat templates, as far as `scripts/fetch_templates.sh` has fetched them, against what transformers makes of them.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: Place.templates.path)), .timeLimit(.minutes(30)))
struct PublicTemplateTests {
    private struct Document: Decodable {
        struct Entry: Decodable {
            var name: String
            /// The digest of the template's text.
            var sha256: String
            /// The beginnings of the digests of what it gives, or `raises`.
            var outputs: [String]
        }
        var templates: [Entry]
    }

    private static func golden(_ name: String) throws -> Data { try Data(contentsOf: Place.root.appending(path: "Tests/Golden/\(name)")) }

    /// Each conversation without tools and with them, without a generation prompt and with it.
    private static func contexts() throws -> [[String: TemplateValue]] {
        let document = OrderedJSON.value(String(decoding: try golden("conversations.json"), as: UTF8.self))
        guard case .list(let conversations) = document["conversations"], case .dict(let variables) = document["variables"] else { return [] }
        return conversations.flatMap { conversation in
            [TemplateValue.none, document["tools"]].flatMap { tools in
                [false, true].map { prompt in
                    var context: [String: TemplateValue] = [
                        "messages": conversation["messages"], "tools": tools, "documents": .none, "add_generation_prompt": .bool(prompt),
                    ]
                    for (key, value) in variables { if case .text(let name, _) = key { context[name] = value } }
                    return context
                }
            }
        }
    }

    @Test func whatTheyGiveIsWhatTransformersMakesOfThem() throws {
        let contexts = try Self.contexts()
        let clock = TemplateClock.fixed(year: 2026, month: 7, day: 4, hour: 15, minute: 6, second: 7)
        var compared = 0
        for entry in try JSONDecoder().decode(Document.self, from: Self.golden("templates.json")).templates {
            guard let source = try? Data(contentsOf: Place.templates.appending(path: entry.name)) else { continue }
            #expect(ContentDigest.of(source) == entry.sha256, "\(entry.name) is another one")
            let template = try Template(String(decoding: source, as: UTF8.self))
            #expect(entry.outputs.count == contexts.count)
            for (number, (context, expected)) in zip(contexts, entry.outputs).enumerated() {
                let rendering = try? template.render(context, now: clock)
                let found = rendering.map { String(ContentDigest.of(Data($0.text.utf8)).prefix(16)) } ?? "raises"
                #expect(found == expected, "\(entry.name), rendering \(number): \(rendering?.text.debugDescription ?? "raised")")
                #expect(rendering.map { $0.runs.reduce(0) { $0 + $1.count } == $0.text.utf8.count } != false, "\(entry.name), rendering \(number)")
                compared += 1
            }
        }
        #expect(compared > 4000, "only \(compared) renderings were compared")
    }
}

extension TemplateValue {
    /// What stands under a key of a dictionary.
    fileprivate subscript(_ name: String) -> TemplateValue {
        guard case .dict(let pairs) = self else { return .undefined }
        return pairs.first { if case .text(name, _) = $0.key { true } else { false } }?.value ?? .undefined
    }
}
