package import Foundation
import Swage

/// A tokenizer of SentencePiece (Kudo and Richardson, 2018).
package struct SentencePieceTokenizer: Sendable {
    let file: SentencePieceFile
    private let normalizer: SentencePieceNormalizer
    private let model: SentencePieceModel
    private let pool = ScratchPool()

    /// Reads the content of a `tokenizer.model`.
    /// - Throws: ``Swage/TrainerError`` with code `corruptFile`, or `unsupported` for what is not done here.
    package init(model data: Data, file: String = "tokenizer.model") throws {
        try self.init(try SentencePieceFile(Array(data), file: file), name: file)
    }

    init(_ file: SentencePieceFile, name: String) throws {
        self.file = file
        model = try SentencePieceModel(file, name: name)
        normalizer = SentencePieceNormalizer(file, symbols: model.symbols)
    }

    package var tokenCount: Int { file.pieces.count }

    package var specialIDs: Set<Int32> { Set(file.pieces.indices.filter { file.pieces[$0].kind == .control }.map(Int32.init)) }

    package func encode(_ text: String) throws -> [Int32] { try spans(of: text).map(\.id) }

    /// The ids of a text, each with where in its UTF-8 it comes from.
    package func spans(of text: String) throws -> [(id: Int32, start: Int, end: Int)] {
        var text = text
        guard text.utf8.count < 1 << 29 else {
            throw TrainerError(.invalidData, "a text has \(text.utf8.count) bytes", expected: "fewer than \(1 << 29)")
        }
        let (bytes, places) = text.withUTF8 { normalizer.normalized($0) }
        if bytes.isEmpty { return [] }
        var scratch = pool.take()
        scratch.sink.removeAll()
        defer { pool.put(scratch) }
        bytes.withUnsafeBufferPointer { model.encode($0, &scratch) }
        var result: [(id: Int32, start: Int, end: Int)] = []
        result.reserveCapacity(scratch.sink.ids.count)
        var wasUnknown = false
        for (id, span) in zip(scratch.sink.ids, scratch.sink.spans) {
            let (start, end) = (Int(places[Int(span.start)]), Int(places[Int(span.end)]))
            guard id == model.unknownID else {
                result.append((id, start, end))
                wasUnknown = false
                continue
            }
            if let byteIDs = model.byteIDs {
                let unknown = bytes[Int(span.start)..<Int(span.end)]
                for (index, byte) in unknown.enumerated() {
                    result.append((byteIDs[Int(byte)], start, index == unknown.count - 1 ? end : start))
                }
            } else if wasUnknown {
                result[result.count - 1].end = end
            } else {
                result.append((id, start, end))
            }
            wasUnknown = true
        }
        return result
    }

    /// - Throws: ``Swage/TrainerError`` with code `tokenOutOfRange` for an id that no piece has.
    package func decode(_ ids: [Int32]) throws -> String {
        var text: [UInt8] = []
        var bytes: [UInt8] = []
        var isBeginning = true
        var hasDroppedSpace = false
        func flush() {
            // What is no UTF-8 becomes a mark for each byte that begins no character.
            var rest = bytes[...]
            while let first = rest.first {
                let width = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
                if String(validating: rest.prefix(width), as: UTF8.self) != nil, rest.count >= width {
                    text += rest.prefix(width)
                    rest = rest.dropFirst(width)
                } else {
                    text += Array("\u{FFFD}".utf8)
                    rest = rest.dropFirst()
                }
            }
            bytes = []
        }
        for id in ids {
            guard id >= 0, id < file.pieces.count else {
                throw TrainerError(.tokenOutOfRange, "token \(id) cannot be decoded", expected: "an id in 0..<\(file.pieces.count)")
            }
            let piece = file.pieces[Int(id)]
            if piece.kind == .byte, let byte = TokenDecoder.byte(piece.text) {
                bytes.append(byte)
                continue
            }
            flush()
            if hasDroppedSpace || !text.isEmpty { isBeginning = false }
            hasDroppedSpace = false
            switch piece.kind {
            case .control: continue
            case .unknown: text += file.unknownSurface
            default:
                var spelling = piece.text[...]
                if isBeginning, file.addsDummyPrefix || file.removesExtraSpaces, spelling.starts(with: "▁".utf8) {
                    spelling = spelling.dropFirst(3)
                    hasDroppedSpace = !file.removesExtraSpaces
                }
                text += Array(spelling).replacing(Array("▁".utf8), with: [0x20])
            }
        }
        flush()
        return String(decoding: text, as: UTF8.self)
    }

    /// What an id adds to a text in its midst; half a character may be among it. Control symbols add nothing.
    package func bytes(of id: Int32) -> [UInt8] {
        guard id >= 0, id < file.pieces.count else { return [] }
        let piece = file.pieces[Int(id)]
        switch piece.kind {
        case .control: return []
        case .unknown: return file.unknownSurface
        case .byte: return TokenDecoder.byte(piece.text).map { [$0] } ?? []
        default: return piece.text.replacing(Array("▁".utf8), with: [0x20])
        }
    }

    /// The id of a piece by its spelling; nil if there is none.
    package func id(of piece: String) -> Int32? { model.id(of: Array(piece.utf8)) }
}
