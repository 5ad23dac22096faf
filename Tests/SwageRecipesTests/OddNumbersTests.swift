import Foundation
import Swage
import SwageRecipes
import Testing
import TestSupport

/// Files of a run that a disk or a hand has changed are errors that name them, and nothing else.
@Suite(.timeLimit(.minutes(30))) struct OddNumbersTests {
    private static let largest = "9223372036854775807"

    /// A file, what stands in it, what is put there instead, and what the error says beside the path.
    private static let interrupted: [(file: String, pattern: String, text: String, mentioned: String)] = [
        ("data/step-3.json", #""tokens" : \d+"#, #""tokens" : \#(largest)"#, "tokens"),
        ("data/step-3.json", #""tokens" : \d+"#, #""tokens" : -1"#, "tokens"),
        ("data/step-3.json", #""tokens" : \d+"#, #""tokens" : 9223372036854775808"#, "cannot be read"),
        ("data/step-3.json", #""tokens" : \d+"#, #""tokens" : "many""#, "whole number"),
        ("data/step-3.json", #""seconds" : [0-9.eE-]+"#, #""seconds" : NaN"#, "cannot be read"),
        ("data/step-3.json", #""seconds" : [0-9.eE-]+"#, #""seconds" : "nan""#, "seconds"),
        ("data/step-3.json", #""seconds" : [0-9.eE-]+"#, #""seconds" : 1e300"#, "seconds"),
        ("data/step-3.json", #""epoch" : \d+"#, #""epoch" : \#(largest)"#, "epoch"),
        ("data/step-3.json", #""drawn" : \d+"#, #""drawn" : -7"#, "drawn"),
        ("data/step-3.json", #""drawn" : \d+"#, #""drawn" : 1000"#, "examples"),
        ("data/step-3.json", #""waiting" : \[[^\]]*\]"#, #""waiting" : [1, 1]"#, "twice"),
        ("data/step-3.json", #""waiting" : \[[^\]]*\]"#, #""waiting" : [-1]"#, "waits"),
        ("metrics.jsonl", #""step":2"#, #""step":\#(largest)"#, "line 2"),
        ("metrics.jsonl", #""step":2"#, #""step":-2"#, "line 2"),
        ("metrics.jsonl", #""step":1,"tokens":\d+"#, #""step":1,"tokens":\#(largest)"#, "line 1"),
        ("metrics.jsonl", #""seconds":[0-9.eE-]+"#, #""seconds":NaN"#, "line 1"),
        ("metrics.jsonl", #""loss":[0-9.eE-]+"#, #""loss":"nan""#, "line 1"),
        ("run.json", #""tokens" : \d+"#, #""tokens" : \#(largest)"#, "before"),
        ("run.json", #""loss" : [0-9.]+"#, #""loss" : null"#, "before"),
        ("run.json", #""files" : \["#, #""files" : [7, "#, "run.json"),
    ]

    private static let finished: [(file: String, pattern: String, text: String, mentioned: String)] = [
        ("report.json", #""steps" : \d+"#, #""steps" : \#(largest)"#, "steps"),
        ("report.json", #""steps" : \d+"#, #""steps" : -4"#, "steps"),
        ("report.json", #""seconds" : [0-9.eE-]+"#, #""seconds" : 1e300"#, "seconds"),
        ("report.json", #""examples" : \d+"#, #""examples" : -4"#, "examples"),
        ("report.json", #"^\{"#, "[", "cannot be read"),
    ]

    private func check(_ cases: [(file: String, pattern: String, text: String, mentioned: String)], stop: Int?) async throws {
        try await withTemporaryDirectory { directory in
            let whole = directory + "/whole"
            if let stop {
                try await QuickRun().interrupted(after: stop, whole, inputs: directory)
            } else {
                _ = try await QuickRun()(whole, inputs: directory)
            }
            for (index, odd) in cases.enumerated() {
                let output = "\(directory)/\(index)"
                try FileManager.default.copyItem(atPath: whole, toPath: output)
                let file = "\(output)/\(odd.file)"
                let text = try String(contentsOfFile: file, encoding: .utf8)
                let place = try #require(text.range(of: odd.pattern, options: .regularExpression), "\(odd.pattern) in \(text)")
                try text.replacingCharacters(in: place, with: odd.text).write(toFile: file, atomically: true, encoding: .utf8)
                let error = await #expect(throws: TrainerError.self, "\(odd)") { try await QuickRun()(output, inputs: directory) }
                let told = error?.description ?? ""
                #expect(told.contains(file) && told.contains(odd.mentioned), "\(odd): \(told)")
                for word in ["Decoding", "Swift", "Int", "Dictionary", "CodingKeys"] { #expect(!told.contains(word), "\(odd): \(told)") }
            }
        }
    }

    @Test func inWhatARunGoesOnFrom() async throws { try await check(Self.interrupted, stop: 3) }
    @Test func inWhatAFinishedRunTells() async throws { try await check(Self.finished, stop: nil) }
}
