import Foundation
import Swage
import SwageText
import Testing
import TestSupport

@Suite struct JSONLinesTests {
    private func open(_ text: String, badLines: BadLines = .stop) async throws -> JSONLines<TrainingExample> {
        try await withTemporaryDirectory { directory in
            let path = directory + "/chats.jsonl"
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            return try JSONLines<TrainingExample>(path: path, badLines: badLines)
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
        #expect(try data[0] == .chat(chat))
        #expect(try data[1] == .completion(prompt: "1 + 1 =", completion: " 2"))
        #expect(try data[2] == .text("Once upon a time"))
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
        let error = #expect(throws: TrainerError.self) { try JSONLines<TrainingExample>(path: "/nowhere/chats.jsonl") }
        #expect(error?.code == .inputOutput)
        #expect(error?.description.contains("/nowhere/chats.jsonl") == true)
    }
}
