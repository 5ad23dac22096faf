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

    private func failure(of bytes: Data) async throws -> TrainerError? {
        try await withTemporaryDirectory { directory in
            let path = directory + "/data.jsonl"
            try bytes.write(to: URL(fileURLWithPath: path))
            return #expect(throws: TrainerError.self) { try JSONLines<TrainingExample>(path: path) }
        }
    }

    @Test(arguments: [
        ([0x1F, 0x8B, 8, 0], "gzip"), (Array("PAR1".utf8), "Parquet"), ([0xFF, 0xFE, 0x7B, 0], "UTF-16"), (Array(" [{\"text\": \"a\"}]".utf8), "list"),
        ([0x50, 0x4B, 3, 4], "zip"),
    ] as [([UInt8], String)])
    func aFileOfAnotherKindIsNamed(_ bytes: [UInt8], _ kind: String) async throws {
        let error = try await failure(of: Data(bytes))
        #expect(error?.description.contains(kind) == true, "\(String(describing: error))")
    }

    @Test(.timeLimit(.minutes(1))) func aPipeAndAFolderAreRefusedAtOnce() async throws {
        try await withTemporaryDirectory { directory in
            #expect(mkfifo(directory + "/pipe", 0o600) == 0)
            for (path, kind) in [("pipe", "a pipe"), (".", "a folder")] {
                let error = #expect(throws: TrainerError.self) { try JSONLines<TrainingExample>(path: "\(directory)/\(path)") }
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
            let data = try JSONLines<TrainingExample>(path: path)
            #expect(truncate(path, 10) == 0)
            let error = #expect(throws: TrainerError.self) { try data[1] }
            #expect(error?.code == .corruptFile)
        }
    }
}
