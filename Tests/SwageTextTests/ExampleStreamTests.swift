import Foundation
import Swage
import SwageText
import Testing
import TestSupport

@Suite struct ExampleStreamTests {
    /// Examples of different lengths, each of one letter that tells them apart.
    private func data(_ directory: String, count: Int = 40) throws -> Examples<TrainingExample> {
        let lines = (0..<count).map { index in
            #"{"text": "\#(String(repeating: "ab cd ", count: 1 + index * 7 % 11))\#(index)"}"#
        }
        let path = directory + "/data.jsonl"
        try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
        return try Examples<TrainingExample>(path: path)
    }

    private func stream(
        _ data: Examples<TrainingExample>, rows: Int = 3, length: Int = 64, packing: Bool = true, seed: UInt64? = 5,
        from position: ExampleStream.Position = .init()
    ) throws -> ExampleStream {
        try ExampleStream(
            data, tokenizer: GoldenTokenizerTests.tokenizer("tiny"),
            options: .init(rows: rows, sequenceLength: length, packing: packing, shuffleSeed: seed), from: position)
    }

    @Test func aStreamTakenUpAtAPositionGoesOnAsTheUnbrokenOne() async throws {
        try await withTemporaryDirectory { directory in
            let data = try data(directory)
            var unbroken = try stream(data)
            let batches = try (0..<12).map { _ in try unbroken.next() }
            var first = try stream(data)
            for _ in 0..<5 { _ = try first.next() }
            let saved = try JSONDecoder().decode(
                ExampleStream.Position.self, from: JSONEncoder().encode(first.position))
            var second = try stream(data, from: saved)
            for index in 5..<12 { #expect(try second.next() == batches[index], "batch \(index)") }
        }
    }

    @Test func everyExampleComesOnceAnEpochAndInAnotherOrderInTheNext() async throws {
        try await withTemporaryDirectory { directory in
            let data = try data(directory)
            let tokenizer = try GoldenTokenizerTests.tokenizer("tiny")
            var stream = try stream(data)
            var seen: [String] = []
            while seen.count < 80 {
                seen += try segments(stream.next().batch).map {
                    String(try tokenizer.decode($0, skipSpecialTokens: true).split(separator: " ").last!)
                }
            }
            // Packing lets a few examples of the next epoch come before the last ones of this.
            let counts = Dictionary(grouping: seen) { $0 }.mapValues(\.count)
            #expect(counts.count == 40)
            #expect(counts.values.allSatisfy { (1...3).contains($0) })
            #expect(Array(seen[..<40]) != Array(seen[40...]))
        }
    }

    @Test(arguments: [true, false], [1, 3])
    func aStreamOfSomePassesHasEveryExampleOnceInEach(_ packing: Bool, _ passes: Int) async throws {
        try await withTemporaryDirectory { directory in
            for count in [1, 2, 10, 37] {
                let data = try data(directory, count: count)
                let tokenizer = try GoldenTokenizerTests.tokenizer("tiny")
                let options = ExampleStream.Options(rows: 4, sequenceLength: 64, packing: packing, shuffleSeed: 7, passes: passes)
                var stream = try ExampleStream(data, tokenizer: tokenizer, options: options)
                var (seen, batches): ([String: Int], Int) = ([:], 0)
                while let next = try stream.nextIfAny() {
                    batches += 1
                    for segment in try segments(next.batch) {
                        seen[String(try tokenizer.decode(segment, skipSpecialTokens: true).split(separator: " ").last!), default: 0] += 1
                    }
                }
                #expect(seen.count == count && seen.values.allSatisfy { $0 == passes }, "\(seen)")
                #expect(try ExampleStream.batchCount(of: data, tokenizer: tokenizer, options: options) == batches)
                #expect(throws: TrainerError.self) { try stream.next() }
            }
        }
    }

    @Test func packedRowsAreNearlyFullAndSegmentsAreRuns() async throws {
        try await withTemporaryDirectory { directory in
            var stream = try stream(try data(directory), rows: 4, length: 128)
            for _ in 0..<8 {
                let next = try stream.next()
                try next.batch.validate(vocabularySize: 300)
                let filled = Double(next.positionCount) / Double(next.batch.inputIDs.scalars.count)
                #expect(filled > 0.9, "only \(filled) of a batch is text")
            }
        }
    }

    @Test func targetsAreTheInputsShiftedByOne() async throws {
        try await withTemporaryDirectory { directory in
            var stream = try stream(try data(directory), rows: 1)
            let batch = try stream.next().batch
            let (inputs, targets, segments) = (batch.inputIDs.scalars, batch.targetIDs.scalars, batch.segmentIDs!.scalars)
            for t in 0..<inputs.count - 1 where segments[t] == segments[t + 1] && batch.targetMask!.scalars[t] == 1 {
                #expect(targets[t] == inputs[t + 1], "position \(t)")
            }
        }
    }

    @Test func withoutPackingEveryRowHasOneExample() async throws {
        try await withTemporaryDirectory { directory in
            var stream = try stream(try data(directory), packing: false)
            for _ in 0..<20 { #expect(try segments(stream.next().batch).count == 3) }
        }
    }

    @Test func dataWithoutAnyTargetIsAnErrorAndNotAnEndlessLoop() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/data.jsonl"
            try #"{"prompt": "a long question without end", "completion": "x"}"#
                .write(toFile: path, atomically: true, encoding: .utf8)
            var stream = try stream(try Examples<TrainingExample>(path: path), length: 3)
            let error = #expect(throws: TrainerError.self) { try stream.next() }
            #expect(error?.code == .invalidData)
        }
    }

    /// The tokens of each segment that has a target, the last one included.
    private func segments(_ batch: TextTrainBatch) throws -> [[Int32]] {
        let columns = batch.inputIDs.shape[1]
        var result: [[Int32]] = []
        for row in 0..<batch.inputIDs.shape[0] {
            let range = row * columns..<(row + 1) * columns
            for (_, positions) in Dictionary(grouping: range, by: { batch.segmentIDs!.scalars[$0] }).sorted(by: { $0.key < $1.key })
            where positions.contains(where: { batch.targetMask!.scalars[$0] == 1 }) {
                result.append(positions.map { batch.inputIDs.scalars[$0] } + [batch.targetIDs.scalars[positions.last!]])
            }
        }
        return result
    }
}
