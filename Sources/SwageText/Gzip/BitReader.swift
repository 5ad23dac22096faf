import Foundation
import Swage

/// The bits of a file from front to back, the lowest of each byte first.
struct BitReader: ~Copyable {
    private let content: RowContent
    private let buffer: UnsafeMutableRawBufferPointer
    /// The bytes of the buffer that have not been taken, and where the buffer ends in the file.
    private var next = 0
    private var end = 0
    private var fileOffset = 0
    private(set) var bits: UInt64 = 0
    private(set) var bitCount = 0

    init(_ content: RowContent) {
        self.content = content
        buffer = .allocate(byteCount: 1 << 18, alignment: 16)
    }

    deinit { buffer.deallocate() }

    /// How many bytes of the file have been read.
    var bytesRead: Int { fileOffset }
    /// Where the next whole byte stands in the file.
    var offset: Int { fileOffset - (end - next) - bitCount / 8 }

    var isAtEnd: Bool {
        mutating get throws {
            try fill()
            return bitCount == 0
        }
    }

    /// Makes 56 bits ready, or as many as there are.
    @inline(__always) mutating func fill() throws {
        if end - next >= 8 {
            bits |= UInt64(littleEndian: buffer.loadUnaligned(fromByteOffset: next, as: UInt64.self)) << UInt64(bitCount)
            next += (63 - bitCount) >> 3
            bitCount |= 56
            return
        }
        try fillSlowly()
    }

    private mutating func fillSlowly() throws {
        // The quick way leaves bits above those that count; they are the same that come now.
        bits &= (1 << UInt64(bitCount)) - 1
        while bitCount < 56 {
            if next == end {
                let count = min(buffer.count, content.count - fileOffset)
                if count == 0 { return }
                try content.read(fileOffset, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
                (next, end) = (0, count)
                fileOffset += count
            }
            bits |= UInt64(buffer[next]) << UInt64(bitCount)
            next += 1
            bitCount += 8
        }
    }

    @inline(__always) mutating func drop(_ count: Int) throws {
        guard count <= bitCount else { throw ends }
        bits >>= UInt64(count)
        bitCount -= count
    }

    /// The next bits as a number, 32 at most.
    @inline(__always) mutating func take(_ count: Int) throws -> Int {
        try fill()
        let value = Int(bits & ((1 << UInt64(count)) - 1))
        try drop(count)
        return value
    }

    mutating func dropToByte() throws { try drop(bitCount & 7) }

    var ends: TrainerError {
        TrainerError(.corruptFile, "\(content.path) ends in the middle of what gzip compressed", expected: "a whole file")
    }

    func damaged(_ problem: String) -> TrainerError {
        TrainerError(.corruptFile, "\(content.path), byte \(offset): \(problem)", expected: "what gzip has compressed; the file is damaged")
    }
}
