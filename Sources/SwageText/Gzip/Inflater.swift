import CSwageSystem
import Foundation
import Swage

/// Unpacks what gzip has compressed (RFC 1951 and 1952), one member after another, with a checksum for each.
struct Inflater: ~Copyable {
    private var reader: BitReader
    /// The last 32 KiB that were written and what has not been given away yet.
    private let window: UnsafeMutablePointer<UInt8>
    private var written = 0
    /// What of the window has been given away.
    private var given = 0
    private var checksum: UInt32 = 0
    private var memberBytes = 0
    private let sink: (UnsafeRawBufferPointer, _ bytesRead: Int) throws -> Void

    private static let reach = 1 << 15
    private static let room = 1 << 20
    private static let longestMatch = 258

    /// - Parameter sink: given what has been unpacked, piece by piece, and how much of the file was read for it.
    /// - Throws: ``TrainerError`` with code `corruptFile` for what is damaged or cut short, or what `sink` throws.
    static func inflate(_ content: RowContent, sink: @escaping (UnsafeRawBufferPointer, _ bytesRead: Int) throws -> Void) throws {
        var inflater = Inflater(content, sink)
        repeat { try inflater.member() } while try !inflater.isAtEnd
    }

    private init(_ content: RowContent, _ sink: @escaping (UnsafeRawBufferPointer, Int) throws -> Void) {
        reader = BitReader(content)
        self.sink = sink
        window = .allocate(capacity: Self.room + Self.longestMatch)
    }

    deinit { window.deallocate() }

    /// Zeros after the last member fill up a tape's block, and mean nothing.
    private var isAtEnd: Bool {
        mutating get throws {
            while try !reader.isAtEnd {
                if reader.bits & 0xFF != 0 { return false }
                try reader.drop(8)
            }
            return true
        }
    }

    private mutating func member() throws {
        try header()
        (written, given, checksum, memberBytes) = (0, 0, 0, 0)
        var isLast = false
        while !isLast {
            isLast = try reader.take(1) == 1
            switch try reader.take(2) {
            case 0: try stored()
            case 1: try block(HuffmanCode.fixedLiterals, HuffmanCode.fixedDistances)
            case 2:
                let codes = try dynamicCodes()
                try block(codes.literals, codes.distances)
            default: throw reader.damaged("a block is of no kind that there is")
            }
        }
        try give()
        try reader.dropToByte()
        guard try UInt32(reader.take(32)) == checksum else { throw reader.damaged("the checksum is another one") }
        guard try UInt32(reader.take(32)) == UInt32(truncatingIfNeeded: memberBytes) else {
            throw reader.damaged("the length is another one")
        }
    }

    private mutating func header() throws {
        var bytes: [UInt8] = []
        func byte(_ reader: inout BitReader) throws -> UInt8 {
            bytes.append(UInt8(try reader.take(8)))
            // What a file is called, or what was said of it, is not that long.
            guard bytes.count < 1 << 20 else { throw reader.damaged("the header does not end") }
            return bytes[bytes.count - 1]
        }
        guard try byte(&reader) == 0x1F, try byte(&reader) == 0x8B else {
            throw reader.damaged("something else follows what gzip has compressed")
        }
        guard try byte(&reader) == 8 else { throw reader.damaged("the way of compression is unknown") }
        let flags = try byte(&reader)
        guard flags & 0xE0 == 0 else { throw reader.damaged("the header has flags that are not known") }
        for _ in 0..<6 { _ = try byte(&reader) }
        if flags & 4 != 0 {
            let count = Int(try byte(&reader)) | Int(try byte(&reader)) << 8
            for _ in 0..<count { _ = try byte(&reader) }
        }
        // The name of the file, and a comment.
        for flag: UInt8 in [8, 16] where flags & flag != 0 { while try byte(&reader) != 0 {} }
        if flags & 2 != 0 {
            let sum = UInt16(truncatingIfNeeded: swage_crc32(0, bytes, bytes.count))
            guard try reader.take(16) == Int(sum) else { throw reader.damaged("the checksum of the header is another one") }
        }
    }

    private mutating func give() throws {
        let piece = UnsafeRawBufferPointer(start: window + given, count: written - given)
        checksum = swage_crc32(checksum, piece.baseAddress, piece.count)
        memberBytes += piece.count
        given = written
        if !piece.isEmpty { try sink(piece, reader.bytesRead) }
    }

    /// Makes room in the window.
    private mutating func slide() throws {
        try give()
        let kept = min(written, Self.reach)
        window.update(from: window + (written - kept), count: kept)
        (written, given) = (kept, kept)
    }

    private mutating func stored() throws {
        try reader.dropToByte()
        let count = try reader.take(16)
        guard try reader.take(16) == ~count & 0xFFFF else { throw reader.damaged("the length of a block is damaged") }
        for _ in 0..<count {
            if written >= Self.room { try slide() }
            window[written] = UInt8(try reader.take(8))
            written += 1
        }
    }

    /// The order in which the lengths of the code of code lengths come (3.2.7).
    private static let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

    private mutating func dynamicCodes() throws -> (literals: HuffmanCode, distances: HuffmanCode) {
        let (literals, distances, count) = (try reader.take(5) + 257, try reader.take(5) + 1, try reader.take(4) + 4)
        guard literals <= 286, distances <= 30 else { throw reader.damaged("a code has too many symbols") }
        var ofLengths = [UInt8](repeating: 0, count: 19)
        for place in Self.order[..<count] { ofLengths[place] = UInt8(try reader.take(3)) }
        guard let code = HuffmanCode(lengths: ofLengths), code.symbols.count > 1 else { throw reader.damaged("a code is damaged") }
        var lengths: [UInt8] = []
        while lengths.count < literals + distances {
            let symbol = try self.symbol(code)
            switch symbol {
            case ..<16: lengths.append(UInt8(symbol))
            case 16:
                guard let last = lengths.last else { throw reader.damaged("a length repeats none") }
                lengths.append(contentsOf: repeatElement(last, count: try reader.take(2) + 3))
            case 17: lengths.append(contentsOf: repeatElement(0, count: try reader.take(3) + 3))
            default: lengths.append(contentsOf: repeatElement(0, count: try reader.take(7) + 11))
            }
        }
        guard lengths.count == literals + distances, lengths[256] > 0, let words = HuffmanCode(lengths: lengths[..<literals]),
            let ways = HuffmanCode(lengths: lengths[literals...])
        else { throw reader.damaged("a code is damaged") }
        return (words, ways)
    }

    private mutating func symbol(_ code: borrowing HuffmanCode) throws -> Int {
        try reader.fill()
        let entry = code.table[Int(reader.bits & (1 << UInt64(HuffmanCode.tableBits) - 1))]
        if entry != 0 {
            try reader.drop(Int(entry & 15))
            return Int(entry >> 4)
        }
        guard let found = code.long(reader.bits) else {
            throw reader.bitCount < HuffmanCode.maximumLength ? reader.ends : reader.damaged("a code has no meaning")
        }
        try reader.drop(found.length)
        return found.symbol
    }

    private mutating func block(_ literals: borrowing HuffmanCode, _ distances: borrowing HuffmanCode) throws {
        while true {
            let symbol = try self.symbol(literals)
            if symbol < 256 {
                if written >= Self.room { try slide() }
                window[written] = UInt8(symbol)
                written += 1
                continue
            }
            if symbol == 256 { return }
            guard symbol < 286 else { throw reader.damaged("a length has no meaning") }
            let length = Int(Self.lengths[symbol - 257]) + (try reader.take(Int(Self.lengthBits[symbol - 257])))
            let way = try self.symbol(distances)
            guard way < 30 else { throw reader.damaged("a distance has no meaning") }
            let distance = Int(Self.distances[way]) + (try reader.take(Int(Self.distanceBits[way])))
            if written >= Self.room { try slide() }
            guard distance <= written else { throw reader.damaged("a distance leads before the beginning") }
            // One byte after another: what is copied may be what has just been written.
            let from = window + (written - distance), to = window + written
            for index in 0..<length { to[index] = from[index] }
            written += length
        }
    }

    private static let lengths: [UInt16] = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
    ]
    private static let lengthBits: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0]
    private static let distances: [UInt16] = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289,
        16385, 24577,
    ]
    private static let distanceBits: [UInt8] = [
        0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
    ]
}
