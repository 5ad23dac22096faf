import CSwageSystem
import Foundation
import Swage
import SwageText
import Testing
import TestSupport

@Suite struct GzipTests {
    /// Three hundred lines, by Python's gzip at level 9, with the name of a file.
    private static let sample = """
        H4sICAAAAAAC/25hbWUuanNvbmwANdZLsh0pDATQuVfRSyg+ArQqR3ji7bvj6WhyCQoQqcyUuH9+//3v+/Xn/9/x87t/frO+nJ9hxs+warZr7dTGV6fGJ8Y0\
        31sEkVIosWaYv1pfc7sDCvH2Nn+1HrP2x63zR7xjfq1f+5/zKV52/Fuwxqzx1rG5X8EYYGWt71P7Q1pnrrrm266r9XdrfwYY2DhT1piMzq7Dysb8Wn/2p/NZ\
        t81PmFFo9yo04dhB+k1Jj1qX+3id5IWi5kHLS/YXdWyEgWSZjpEkHdtAm6NszsK+UByrbjvCPLnBPoFa78gJJUsuch/GSeh9GEEyDye7hrkIOZsKOY6BC9sI\
        Y34WGy2mZ5OLeO69H32AH0Avroxkj0mgh8lgai4iN0yTK/ZjNkzmkROv7+u42suLSgLtbFdRghnpFD6/1vlbwAMr9xzCfg2L7kHQWl4q7kgqP5wpqfgec+oM\
        rt3C349vVOBqFIUq2WfiMC5qmXq6NqB+XDvSfjDeVvlqJEj3kD41jHDva82mOOyd0plEOOLnOfBjh1XYdHPCve0Y7Pj+aD5vG1HN8ueHe7cOfSc054Ry0fq2\
        tuwfo2sVy6P7GbaaxbbUbHFZrfvn5eCHTY7TlV+L1d06dZTlWLcUp0gQ3gJg7nKZ00dyFA/H8nQ3VLMaztrdDRsMTvop4vfDwIMzju+EC6i66zVjakF3UsG7\
        GzcsGxGJzz27ptSSlJJ79urz9NYdc3fJq4ZuMN4h14Wux1yR/Tjz4uYGr9ZtD0vxNnOzawizo58h8jVzBl1wsP7tyu8S7Tfef4Hs148pB1Mf181+UHxf4Ga0\
        2d0n69vPov0PObv/G8heqU2l+Poxpj97nO6yyHi3u+n+9Q89dLLRNAkAAA==
        """
    private static let unpacked = (0..<300).map { "row \($0 * $0 % 977)\n" }.joined()

    private func unpack(_ bytes: Data, limit: Int = 1 << 30) async throws -> Data {
        try await withTemporaryDirectory { directory in
            let path = directory + "/a.gz"
            try bytes.write(to: URL(fileURLWithPath: path))
            return try Gzip.unpacked(PlainFile(path), limit: limit)
        }
    }

    @Test func whatGzipCompressedComesOut() async throws {
        let sample = try #require(Data(base64Encoded: Self.sample))
        #expect(String(decoding: try await unpack(sample), as: UTF8.self) == Self.unpacked)
    }

    @Test func severalMembersComeOneAfterAnotherAndZerosAtTheEndMeanNothing() async throws {
        let sample = try #require(Data(base64Encoded: Self.sample))
        let other = Data("stored".utf8)
        let all = sample + other.gzipped + sample + Data(count: 700)
        #expect(String(decoding: try await unpack(all), as: UTF8.self) == Self.unpacked + "stored" + Self.unpacked)
        await #expect(throws: TrainerError.self) { try await unpack(all + Data([1])) }
    }

    @Test func oneMoreByteThanTheLimitIsRefused() async throws {
        let data = Data(repeating: 7, count: 100_000).gzipped
        #expect(try await unpack(data, limit: 100_000).count == 100_000)
        let error = await #expect(throws: TrainerError.self) { try await unpack(data, limit: 99_999) }
        #expect(error?.code == .tooLarge)
    }

    @Test func everyBeginningOfAFileIsRefused() async throws {
        let sample = try #require(Data(base64Encoded: Self.sample))
        try await withTemporaryDirectory { directory in
            let path = directory + "/a.gz"
            for count in 0..<sample.count {
                try sample.prefix(count).write(to: URL(fileURLWithPath: path))
                let error = #expect(throws: TrainerError.self, "\(count) bytes") { try Gzip.unpacked(PlainFile(path)) }
                #expect(error?.code == .corruptFile && error?.message.contains(path) == true, "\(count): \(String(describing: error))")
            }
        }
    }

    /// Another bit can mean the same, and those that fill up a byte mean nothing.
    @Test func aBitThatIsAnotherOneIsNoticedOrMeansTheSame() async throws {
        let sample = try #require(Data(base64Encoded: Self.sample))
        try await withTemporaryDirectory { directory in
            let path = directory + "/a.gz"
            for place in sample.indices where !(3..<21).contains(place) {
                var damaged = sample
                damaged[place] ^= 1 << UInt8(place % 8)
                try damaged.write(to: URL(fileURLWithPath: path))
                do {
                    let unpacked = try Gzip.unpacked(PlainFile(path))
                    #expect(unpacked == Data(Self.unpacked.utf8), "byte \(place)")
                } catch let error as TrainerError {
                    #expect(error.code == .corruptFile && error.message.contains(path), "byte \(place): \(error)")
                }
            }
        }
    }

    @Test func aBombStopsWhereTheDiskIsFull() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/bomb.jsonl.gz"
            try Data(repeating: 0x20, count: 1 << 26).gzipped.write(to: URL(fileURLWithPath: path))
            let looks = Looks()
            let error = #expect(throws: TrainerError.self) {
                try Examples<TrainingExample>(sources: [DataSource(path)], standardInput: -1, freeBytes: { _ in looks.next() })
            }
            #expect(error?.code == .tooLarge && error?.expected?.contains("TMPDIR") == true, "\(String(describing: error))")
            #expect(looks.count == 3, "\(looks.count)")
        }
    }
}

extension Data {
    /// Compressed by gzip in name alone: blocks that are stored as they are.
    var gzipped: Data {
        var result = Data([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3])
        var rest = self[...]
        repeat {
            let block = rest.prefix(0xFFFF)
            rest = rest.dropFirst(block.count)
            result.append(rest.isEmpty ? 1 : 0)
            for number in [UInt16(block.count), ~UInt16(block.count)] {
                Swift.withUnsafeBytes(of: number.littleEndian) { result.append(contentsOf: $0) }
            }
            result.append(block)
        } while !rest.isEmpty
        let checksum = withUnsafeBytes { swage_crc32(0, $0.baseAddress, $0.count) }
        for number in [checksum, UInt32(truncatingIfNeeded: count)] {
            Swift.withUnsafeBytes(of: number.littleEndian) { result.append(contentsOf: $0) }
        }
        return result
    }
}
