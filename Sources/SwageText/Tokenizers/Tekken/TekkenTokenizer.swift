package import Foundation
import Swage

/// A tokenizer of Mistral's `tekken.json`: bytes merged by the ranks of what results, as tiktoken does it.
package struct TekkenTokenizer: Sendable {
    let specialTokens: [String]
    private let table: TokenTable
    private let expression: RegularExpression
    private let rules: RankRules
    private let byteIDs: [Int32]
    private let pool = ScratchPool()

    /// Reads the content of a `tekken.json`.
    /// - Throws: ``Swage/TrainerError`` with code `corruptFile`, or `unsupported` for what is not done here.
    package init(tekkenJSON data: Data, file: String = "tekken.json") throws {
        var reader = TekkenReader(file: file)
        try reader.read(data)
        (specialTokens, table) = (reader.specialTokens, try reader.table())
        // Its patterns are read by Rust's fancy-regex.
        expression = try RegularExpression(reader.pattern, .rust)
        var byteIDs: [Int32] = []
        for byte in 0..<256 {
            guard let id = table.id(of: [UInt8(byte)]) else {
                throw TrainerError(.corruptFile, "\(file) has no token for the byte \(byte)", expected: "one for each byte")
            }
            byteIDs.append(id)
        }
        self.byteIDs = byteIDs
        rules = RankRules(table: table)
    }

    package var tokenCount: Int { specialTokens.count + table.count }

    package var specialIDs: Set<Int32> { Set(specialTokens.indices.map(Int32.init)) }

    /// The ids of a text. Special tokens that are spelled in it are text like others.
    package func encode(_ text: String) throws -> [Int32] { try spans(of: text).map(\.id) }

    /// The ids of a text, each with the bytes of the text that it stands for.
    package func spans(of text: String) throws -> [(id: Int32, start: Int, end: Int)] {
        var text = text
        guard text.utf8.count < 1 << 29 else {
            throw TrainerError(.invalidData, "a text has \(text.utf8.count) bytes", expected: "fewer than \(1 << 29)")
        }
        var scratch = pool.take()
        scratch.sink.removeAll()
        defer { pool.put(scratch) }
        text.withUTF8 { utf8 in
            var searching = RegularExpression.Scratch()
            expression.forEachMatch(in: utf8, &searching) { start, end in
                if start < end { encode(UnsafeBufferPointer(rebasing: utf8[start..<end]), at: start, &scratch) }
            }
        }
        let first = Int32(specialTokens.count)
        return zip(scratch.sink.ids, scratch.sink.spans).map { ($0 + first, Int($1.start), Int($1.end)) }
    }

    private func encode(_ piece: UnsafeBufferPointer<UInt8>, at place: Int, _ scratch: inout EncodingScratch) {
        let first = scratch.sink.ids.count
        let hash = piece.fastHash
        let isShort = piece.count <= WordCache.longestPiece
        if !isShort || !scratch.cache.find(piece, hash, into: &scratch.sink) {
            if let id = table.id(of: piece) {
                scratch.sink.append(id, 0, piece.count)
            } else {
                scratch.merger.symbols.removeAll(keepingCapacity: true)
                for (index, byte) in piece.enumerated() { scratch.merger.add(byteIDs[Int(byte)], index, index + 1) }
                scratch.merger.merge(piece, by: rules)
                for symbol in scratch.merger.symbols { scratch.sink.append(symbol.id, Int(symbol.start), Int(symbol.end)) }
            }
            if isShort { scratch.cache.insert(piece, hash, scratch.sink, from: first) }
        }
        scratch.sink.shift(from: first, by: place)
    }

    /// - Throws: ``Swage/TrainerError`` with code `tokenOutOfRange` for an id that no token has.
    package func decode(_ ids: [Int32], skipSpecialTokens: Bool) throws -> String {
        var text = ""
        var bytes: [UInt8] = []
        for id in ids {
            guard id >= 0, id < tokenCount else {
                throw TrainerError(.tokenOutOfRange, "token \(id) cannot be decoded", expected: "an id in 0..<\(tokenCount)")
            }
            if id >= specialTokens.count {
                bytes += table.bytes(of: id - Int32(specialTokens.count)) ?? []
            } else if !skipSpecialTokens {
                text += String(decoding: bytes, as: UTF8.self) + specialTokens[Int(id)]
                bytes = []
            } else {
                // Bytes before and after a special token are decoded apart.
                text += String(decoding: bytes, as: UTF8.self)
                bytes = []
            }
        }
        return text + String(decoding: bytes, as: UTF8.self)
    }

    /// The bytes that an id stands for. Special tokens give none.
    package func bytes(of id: Int32) -> [UInt8] {
        id >= specialTokens.count ? table.bytes(of: id - Int32(specialTokens.count)) ?? [] : []
    }

    /// The id of a special token by its spelling.
    package func id(ofSpecial token: String) -> Int32? {
        specialTokens.firstIndex { $0.utf8.elementsEqual(token.utf8) }.map(Int32.init)
    }
}

/// Two neighbours become the token of both, and the one of the lowest id comes first.
struct RankRules: MergeRules {
    let table: TokenTable

    @inline(__always)
    func merge(_ left: Int32, _ right: Int32, _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> (rank: Int32, id: Int32)? {
        table.id(of: UnsafeBufferPointer(rebasing: text[start..<end])).map { ($0, $0) }
    }
}
