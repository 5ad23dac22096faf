import Foundation
import Swage
import SwageText
import Synchronization
import Testing
import TestSupport

/// A row as it stands.
struct AnyRow: JSONLineDecodable, Equatable {
    let value: JSONValue

    init(json: Data, notes: inout [String]) throws {
        value = try JSONValue(json: json)
        guard value.object != nil else { throw TrainerError(.invalidData, "the row is \(value.summary)", expected: "an object") }
    }

    func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
}

/// A disk that is full at the third look.
final class Looks: Sendable {
    private let looks = Mutex(0)

    var count: Int { looks.withLock { $0 } }

    func next() -> Int {
        looks.withLock { looks in
            looks += 1
            return looks < 3 ? Int.max : 0
        }
    }
}

@Suite(.timeLimit(.minutes(30))) struct RowFilesTests {
    private func rows(_ content: Data, as name: String, badLines: BadLines = .stop) async throws -> [JSONValue] {
        try await withTemporaryDirectory { directory in
            let path = directory + "/" + name
            try content.write(to: URL(fileURLWithPath: path))
            let data = try Examples<AnyRow>(path: path, badLines: badLines)
            return try (0..<data.count).map { try data[$0].value }
        }
    }

    private func rows(_ text: String, as name: String, badLines: BadLines = .stop) async throws -> [JSONValue] {
        try await rows(Data(text.utf8), as: name, badLines: badLines)
    }

    private func refusal(_ content: Data, as name: String, badLines: BadLines = .skip) async -> String {
        do {
            return "\(try await rows(content, as: name, badLines: badLines).map(\.json))"
        } catch {
            return "\(error)"
        }
    }

    private static let three: [JSONValue] = [["a": "[1, {\"}"], ["a": [1, ["b": nil]], "c": "\n\"é"], [:]]

    @Test(arguments: ["a.json", "a.jsonl", "a"])
    func anArrayIsReadHoweverItIsLaidOut(_ name: String) async throws {
        let rows = Self.three
        for (before, between, after) in [("[", ",", "]"), (" \n[\n", "\r\n ,\t", "\n]\n\n"), ("\u{FEFF}[", ", ", " ]")] {
            for text in [rows.map(\.json), rows.map(\.indentedJSON)] {
                #expect(try await self.rows(before + text.joined(separator: between) + after, as: name) == rows)
            }
        }
    }

    @Test(arguments: [
        ("[{}", "does not end"), ("[{},]", "stands where record 2 should"), ("[{} {}]", "follows record 1"),
        ("[{}][{}]", "follows the list"),
        ("[{\"a\": \"x}]", "ends within record 1"), ("[", "does not end"), ("[]", "no examples"), ("[,{}]", "stands where record 1 should"),
    ])
    func anArrayThatIsNotWholeIsRefused(_ text: String, _ reason: String) async {
        let refusal = await refusal(Data(text.utf8), as: "a.json")
        #expect(refusal.contains("a.json") && refusal.contains(reason), "\(refusal)")
    }

    @Test func aBadElementIsNamedByItsNumberAndCanBeLeftOut() async throws {
        let refusal = await refusal(Data("[{\"a\": 1},\n{\"a\": 01}, 7, {}]".utf8), as: "a.json", badLines: .stop)
        #expect(refusal.contains("a.json, record 2: ") && refusal.contains("no number"), "\(refusal)")
        #expect(try await rows("[{\"a\": 1},\n{\"a\": 01}, 7, {}]", as: "a.json", badLines: .skip) == [["a": 1], [:]])
    }

    /// What people write may be JSON itself.
    @Test func aCellOfWordsIsAListOfMessagesOrAText() async throws {
        let table = "prompt,completion\n\"[1, 2]\",\"{\"\"a\"\": 1}\"\n\"[{\"\"role\"\": \"\"user\"\"}]\",[]\n"
        let expected: [JSONValue] = [["prompt": "[1, 2]", "completion": "{\"a\": 1}"], ["prompt": [["role": "user"]], "completion": "[]"]]
        #expect(try await rows(table, as: "a.csv") == expected)
    }

    @Test func aTableIsReadUnderItsHeader() async throws {
        let table = "\u{FEFF}messages,\"a, b\",c\r\n\"x \"\"y\"\"\r\nz\",1,\r\n\r\n\"[1, 2]\",\"[1, 2]\",\t\n{broken,,\"\"\n"
        let expected: [JSONValue] = [
            ["messages": "x \"y\"\r\nz", "a, b": "1", "c": nil], ["messages": [1, 2], "a, b": "[1, 2]", "c": "\t"],
            ["messages": "{broken", "a, b": nil, "c": nil],
        ]
        #expect(try await rows(table, as: "a.csv") == expected)
        // What is in it says that it is a table, and what separates its cells.
        #expect(try await rows(table, as: "a.txt") == expected)
        #expect(try await rows("prompt\tx,y\tz\na\tb,c\td\n", as: "a.csv") == [["prompt": "a", "x,y": "b,c", "z": "d"]])
    }

    @Test(arguments: [
        ("a,b\n1,2\n1,2,3\n", "a.csv, line 3: the row has 3 cells, and the header 2"), ("a,a\n1,2\n", "twice"),
        ("a,\n1,2\n", "no name for column 2"),
        ("a\n\"b\" c\n", "line 2: the byte 32 follows the double quote"), ("a\n\n\"b\nc", "line 3: a cell begins with a double quote"),
        ("a;b\n1;2\n", "semicolons"), ("a,b\r1,2\r", "carriage return alone"), ("a\n", "no examples"),
    ])
    func aTableThatIsNotRightIsRefusedWithItsLine(_ text: String, _ reason: String) async {
        let refusal = await refusal(Data(text.utf8), as: "a.csv", badLines: .stop)
        #expect(refusal.contains("a.csv") && refusal.contains(reason), "\(refusal)")
    }

    @Test func aRowWithAnotherNumberOfCellsCanBeLeftOut() async throws {
        #expect(try await rows("a,b\n1,2\n\"3\n\"\n4,5\n", as: "a.csv", badLines: .skip) == [["a": "1", "b": "2"], ["a": "4", "b": "5"]])
    }

    @Test(arguments: [
        ("{\n \"data\": [{\"a\": 1}]\n}", "under \"data\""), ("{\"rows\": [{\"a\": 1}]}", "under \"rows\""),
        ("{\n\"a\": 1}\n", "is one JSON object over"),
        ("{\n\"a\": 1}\n{\n\"a\": 2}", "begins with one JSON object over"), ("<html>", "page of the web"),
    ])
    func oneObjectAndOtherThingsAreCalledWhatTheyAre(_ text: String, _ reason: String) async {
        let refusal = await refusal(Data(text.utf8), as: "a.json")
        #expect(refusal.contains("a.json") && refusal.contains(reason), "\(refusal)")
    }

    @Test func aBrokenFirstLineIsNoObjectOverSeveralLines() async throws {
        #expect(try await rows("{\"a\": [1, 2\n{\"b\": 1}\n{\"c\": \"\n{}", as: "a.jsonl", badLines: .skip) == [["b": 1], [:]])
    }

    @Test func textInOtherEncodingsIsNamed() async throws {
        for encoding in [String.Encoding.utf16LittleEndian, .utf16BigEndian, .utf16] {
            let refusal = await refusal(try #require("{\"a\": \"é\", \"b\": 1}".data(using: encoding)), as: "a.jsonl")
            #expect(refusal.contains("is in UTF-16"), "\(encoding): \(refusal)")
        }
        for (name, text) in [("a.jsonl", "{\"a\": \"é\"}\n"), ("a.csv", "a\né\n"), ("a.json", "[{\"a\": \"é\"}]")] {
            let latin = await refusal(try #require(text.data(using: .isoLatin1)), as: name, badLines: .stop)
            #expect(latin.contains("Latin-1") && latin.contains("iconv"), "\(name): \(latin)")
        }
    }

    @Test func whatIsPipedInIsReadOnceAndUnpacked() async throws {
        let text = "{\"a\": 1}\n{\"a\": 2}\n"
        for content in [Data(text.utf8), Data(text.utf8).gzipped] {
            let pipe = Pipe()
            try pipe.fileHandleForWriting.write(contentsOf: content)
            try pipe.fileHandleForWriting.close()
            let data = try Examples<AnyRow>(sources: [DataSource("-*2")], standardInput: pipe.fileHandleForReading.fileDescriptor)
            #expect(try (0..<data.count).map { try data[$0].value } == [["a": 1], ["a": 2], ["a": 1], ["a": 2]])
            #expect(data.place(3) == "standard input, line 2", "\(data.place(3))")
        }
    }

    @Test func rowsThatAreCompressedAreThoseThatAreNot() async throws {
        let text = Self.three.map { $0.json + "\n" }.joined()
        try await withTemporaryDirectory { directory in
            try Data(text.utf8).write(to: URL(fileURLWithPath: directory + "/a.jsonl"))
            try Data(text.utf8).gzipped.write(to: URL(fileURLWithPath: directory + "/a.jsonl.gz"))
            let (plain, packed) = try (Examples<AnyRow>(path: directory + "/a.jsonl"), Examples<AnyRow>(path: directory + "/a.jsonl.gz"))
            #expect(try (0..<packed.count).map { try packed[$0].value } == Self.three)
            #expect(try plain.contentDigest == packed.contentDigest)
        }
        let twice = await refusal(Data(text.utf8).gzipped.gzipped, as: "a.gz")
        #expect(twice.contains("more than once"), "\(twice)")
        let cut = await refusal(Data(text.utf8).gzipped.dropLast(9), as: "a.gz")
        #expect(cut.contains("a.gz ends in the middle"), "\(cut)")
    }

    /// Large enough for many pieces, which are looked at by several threads.
    @Test func theFirstBadLineIsTheOneThatIsReported() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/a.jsonl"
            let filling = String(repeating: "x", count: 2000)
            var lines = (0..<5000).map { "{\"text\": \"\($0) \(filling)\"}" }
            for place in [4990, 2400, 2399, 3000] { lines[place] = "{\"text\": \(place)}" }
            try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
            for _ in 0..<5 {
                let error = #expect(throws: TrainerError.self) { try Examples<TrainingExample>(path: path) }
                #expect(error?.message.hasPrefix("\(path), line 2400: ") == true, "\(String(describing: error))")
            }
            let told = Mutex<[Int]>([])
            let data = try Examples<TrainingExample>(sources: [DataSource(path)], badLines: .skip) { done, all in
                told.withLock { $0 += [done, all] }
            }
            #expect(data.count == 4996 && data.skippedCount == 4)
            #expect(data.report.leftOut.flatMap(\.lines) == [2400, 2401, 3001, 4991], "\(data.report)")
            #expect((0..<data.count).map { data.line($0) } == (1...5000).filter { ![2400, 2401, 3001, 4991].contains($0) })
            let steps = told.withLock { $0 }
            #expect(steps.count > 4 && steps.last == data.byteCount)
            #expect(steps.indices.allSatisfy { $0 % 2 == 0 || steps[$0] == data.byteCount }, "\(steps)")
            struct Enough: Error {}
            #expect(throws: Enough.self) { try Examples<TrainingExample>(sources: [DataSource(path)]) { _, _ in throw Enough() } }
            let cancelled = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try Examples<TrainingExample>(path: path).count
            }
            await #expect(throws: CancellationError.self) { try await cancelled.value }
        }
    }

    @Test func moreFilesThanMayBeOpenAtOnceAreRead() async throws {
        try await withTemporaryDirectory { directory in
            for number in 0..<1500 {
                try "{\"n\": \(number)}".write(toFile: "\(directory)/\(10_000 + number).jsonl", atomically: false, encoding: .utf8)
            }
            let data = try Examples<AnyRow>(path: directory)
            #expect(try (0..<data.count).map { try data[$0].value } == (0..<1500).map { ["n": .number($0)] })
            try "{\"n\": 9}".write(toFile: directory + "/10007.jsonl", atomically: false, encoding: .utf8)
            let error = #expect(throws: TrainerError.self) { try data[7] }
            #expect(error?.message.contains("10007.jsonl, line 1, has changed") == true, "\(String(describing: error))")
        }
    }
}
