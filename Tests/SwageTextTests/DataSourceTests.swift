import Foundation
import Swage
import SwageText
import Testing
import TestSupport

@Suite struct DataSourceTests {
    @Test(arguments: [
        ("a.jsonl", "a.jsonl", 1.0), ("a.jsonl*3", "a.jsonl", 3), ("more/*0.5", "more/", 0.5), ("-*2", "-", 2), ("*.jsonl", "*.jsonl", 1),
        ("a*b.jsonl*1.25", "a*b.jsonl", 1.25), ("a.jsonl*", "a.jsonl*", 1),
    ])
    func aTextIsAPathAndAWeight(_ text: String, _ path: String, _ weight: Double) throws {
        let source = try DataSource(text)
        #expect(source.path == path && source.weight == weight, "\(source)")
        #expect(try DataSource(source.description) == source)
    }

    @Test(arguments: ["a*0", "a*-1", "a*nan", "a*inf", "a*1001", "a*0x10", "a*1e2", "", "*2"])
    func aWeightThatMakesNoSenseIsRefused(_ text: String) {
        let error = #expect(throws: TrainerError.self) { try DataSource(text) }
        #expect(error?.code == .invalidOption, "\(String(describing: error))")
    }

    @Test func aPathThatExistsUnderItsWholeNameIsThatPath() async throws {
        try await withTemporaryDirectory { directory in
            try write(["{\"text\": \"a\"}"], to: directory + "/a*2")
            let source = try DataSource(directory + "/a*2")
            #expect(source.weight == 1 && source.path == directory + "/a*2", "\(source)")
        }
    }

    private func write(_ lines: [String], to path: String) throws {
        try lines.map { $0 + "\n" }.joined().write(toFile: path, atomically: true, encoding: .utf8)
    }

    private func rows(_ name: String, _ count: Int) -> [String] { (1...count).map { "{\"text\": \"\(name)\($0)\"}" } }

    private func texts(_ data: Examples<TrainingExample>) throws -> [String] {
        try (0..<data.count).map { if case .text(let text) = try data[$0] { text } else { "" } }
    }

    @Test func aWeightSaysHowOftenRowsComeInOnePass() async throws {
        try await withTemporaryDirectory { directory in
            try write(rows("a", 2), to: directory + "/a.jsonl")
            try write(rows("b", 10), to: directory + "/b.jsonl")
            func open(_ seed: UInt64) throws -> Examples<TrainingExample> {
                try Examples(sources: [DataSource(directory + "/a.jsonl*2"), DataSource(directory + "/b.jsonl*1.5")], weightSeed: seed)
            }
            let data = try open(0)
            let all = try texts(data)
            #expect(all.count == 19 && data.report.rows == 19 && data.report.unseen == 19, "\(all)")
            #expect(Array(all.prefix(14)) == ["a1", "a2", "a1", "a2"] + (1...10).map { "b\($0)" }, "\(all)")
            #expect(Set(all.suffix(5)).count == 5 && all.suffix(5).allSatisfy { $0.hasPrefix("b") }, "\(all)")
            #expect(try texts(open(0)) == all)
            let drawn = Set(try (0..<8).map { try texts(open($0)).suffix(5).joined() })
            #expect(drawn.count > 1, "\(drawn)")
            let error = #expect(throws: TrainerError.self) {
                try Examples<TrainingExample>(sources: [DataSource(directory + "/a.jsonl*0.2")])
            }
            #expect(error?.message.contains("leaves none of the 2 rows") == true, "\(String(describing: error))")
        }
    }

    @Test func rowsThatAreSpelledAlikeAreCountedAndHeldOutTogether() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/a.jsonl"
            try write(rows("a", 8) + rows("a", 8) + rows("b", 4), to: path)
            let data = try Examples<TrainingExample>(sources: [DataSource(path + "*2")])
            let note = try #require(data.report.notes.first { $0.text.contains("same as an earlier one") })
            #expect(note.rows == 8 && note.line == 9, "\(note)")
            for seed in UInt64(0)..<20 {
                let (training, heldOut) = try data.split(heldOut: 0.25, seed: seed)
                let (learned, measured) = (try texts(training), try texts(heldOut))
                #expect(Set(learned).isDisjoint(with: measured) && Set(measured).count == measured.count, "\(learned) and \(measured)")
                #expect(heldOut.count == 3 && Set(learned).count == 9)
            }
        }
    }

    @Test func anErrorInTheSecondFileNamesItAndItsOwnLine() async throws {
        try await withTemporaryDirectory { directory in
            try write(rows("a", 3), to: directory + "/a.jsonl")
            try write(rows("b", 2) + ["broken"] + rows("c", 1), to: directory + "/b.jsonl")
            let sources = try [DataSource(directory + "/a.jsonl"), DataSource(directory + "/b.jsonl")]
            let error = #expect(throws: TrainerError.self) { try Examples<TrainingExample>(sources: sources) }
            #expect(error?.message.hasPrefix("\(directory)/b.jsonl, line 3: ") == true, "\(String(describing: error))")
            let data = try Examples<TrainingExample>(sources: sources, badLines: .skip)
            #expect(data.count == 6 && data.skippedCount == 1)
            #expect(data.place(2) == "\(directory)/a.jsonl, line 3" && data.place(5) == "\(directory)/b.jsonl, line 4", "\(data.place(5))")
            #expect(data.line(5) == 7 && data.report.leftOut.map(\.lines) == [[6]], "\(data.report)")
            #expect(data.report.description.contains("(\(directory)/b.jsonl, line 3)"), "\(data.report)")
            #expect(data.name == "\(directory)/a.jsonl, \(directory)/b.jsonl")
        }
    }

    @Test func aFolderMeansItsFilesInTheOrderOfTheirNames() async throws {
        try await withTemporaryDirectory { directory in
            let manager = FileManager.default
            for folder in ["B", ".git", "a"] {
                try manager.createDirectory(atPath: directory + "/" + folder, withIntermediateDirectories: true)
            }
            for name in ["c", "B/x", "a/y", "Z", ".hidden", ".git/z", "é"] {
                try write(["{\"text\": \"\(name)\"}"], to: "\(directory)/\(name).jsonl")
            }
            try write(["about"], to: directory + "/README.md")
            try manager.createSymbolicLink(atPath: directory + "/a/loop", withDestinationPath: "..")
            let data = try Examples<TrainingExample>(path: directory)
            #expect(try texts(data) == ["B/x", "Z", "a/y", "c", "é"])
            try write(["PAR1"], to: directory + "/a/q.parquet")
            let error = #expect(throws: TrainerError.self) { try Examples<TrainingExample>(path: directory) }
            #expect(error?.message.contains("/a/q.parquet is of a kind that is not read (Parquet)") == true, "\(String(describing: error))")
            let empty = #expect(throws: TrainerError.self) { try Examples<TrainingExample>(path: directory + "/.git/..nothing") }
            #expect(empty?.code == .inputOutput)
        }
    }

    @Test func aFolderWithoutDataIsRefused() async throws {
        try await withTemporaryDirectory { directory in
            try write(["about"], to: directory + "/README.md")
            let error = #expect(throws: TrainerError.self) { try Examples<TrainingExample>(path: directory) }
            #expect(error?.message == "the folder \(directory) has no files of data", "\(String(describing: error))")
        }
    }

    @Test func theSameFileTwiceIsRefusedHoweverItIsCalled() async throws {
        try await withTemporaryDirectory { directory in
            try write(rows("a", 1), to: directory + "/a.jsonl")
            try FileManager.default.createSymbolicLink(atPath: directory + "/b.jsonl", withDestinationPath: "a.jsonl")
            for others in [["/a.jsonl", "/a.jsonl"], ["/a.jsonl", "/b.jsonl"], ["/b.jsonl", "/"], ["/"]] {
                let sources = try others.map { try DataSource(directory + $0) }
                let error = #expect(throws: TrainerError.self) { try Examples<TrainingExample>(sources: sources) }
                #expect(error?.code == .invalidOption, "\(others): \(String(describing: error))")
                #expect(error?.expected?.contains("weight") == true, "\(others): \(String(describing: error))")
            }
            let input = try #require(throws: TrainerError.self) {
                try Examples<TrainingExample>(sources: [DataSource("-"), DataSource("-")], standardInput: -1)
            }
            #expect(input.message.contains("twice"), "\(input)")
        }
    }

    @Test func theDigestIsThatOfContentsAndWeights() async throws {
        try await withTemporaryDirectory { directory in
            let (a, b) = (directory + "/a.jsonl", directory + "/b.jsonl")
            try write(rows("a", 3), to: a)
            try write(rows("b", 3), to: b)
            func digest(_ texts: String...) throws -> String {
                try Examples<TrainingExample>(sources: texts.map { try DataSource($0) }).contentDigest
            }
            #expect(try digest(a) == ContentDigest.of(Data(contentsOf: URL(fileURLWithPath: a))))
            try FileManager.default.createDirectory(atPath: directory + "/c", withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: a, toPath: directory + "/c/1")
            try FileManager.default.copyItem(atPath: b, toPath: directory + "/c/2")
            #expect(try digest(a, b) == digest(directory + "/c/1", directory + "/c/2"))
            let different = try [
                digest(a), digest(b), digest(a, b), digest(b, a), digest(a + "*2", b), digest(a, b + "*2"), digest(a + "*2"),
                digest(directory + "/c"),
            ]
            #expect(Set(different).count == different.count, "\(different)")
        }
    }
}
