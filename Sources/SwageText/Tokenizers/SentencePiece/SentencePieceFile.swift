package import Foundation
import Swage

/// What a `tokenizer.model` of SentencePiece (Kudo and Richardson, 2018) says, as far as transformers reads it.
package struct SentencePieceFile: Sendable {
    enum Kind: Int, Sendable { case normal = 1, unknown, control, userDefined, unused, byte }

    enum Model: Int, Sendable { case unigram = 1, bytePairs, words, characters }

    struct Piece: Sendable {
        var text: [UInt8] = []
        var score: Float = 0
        var kind = Kind.normal
    }

    private(set) var pieces: [Piece] = []
    private(set) var model = Model.unigram
    private(set) var fallsBackToBytes = false
    private(set) var unknownID = 0
    private(set) var unknownPiece = "<unk>"
    private var (beginningID, beginningPiece) = (1, "<s>")
    private var (endID, endPiece) = (2, "</s>")
    /// The rules of normalization, as they are stored.
    private(set) var characterMap: [UInt8] = []
    /// What errors name.
    let file: String

    /// The most pieces; a vocabulary has some hundred thousand.
    private static let mostPieces = 1 << 24

    /// Reads the content of a `tokenizer.model`.
    /// - Throws: ``Swage/TrainerError`` with code `corruptFile`, or `unsupported` for what is not done here.
    package init(_ data: Data, file: String) throws {
        self.file = file
        let bytes = Array(data)
        func corrupt(_ what: String) -> TrainerError {
            TrainerError(.corruptFile, "\(file): \(what)", expected: "a model of SentencePiece")
        }
        if Self.isTiktoken(bytes) {
            throw TrainerError(
                .unsupported, "\(file) is a vocabulary of tiktoken, without the pattern that cuts its texts",
                expected: "a tokenizer.json, or a model of SentencePiece")
        }
        var reader = ProtocolBufferReader(bytes[...], file: file)
        while let (number, value) = try reader.next() {
            switch number {
            case 1:
                guard pieces.count < Self.mostPieces else { throw corrupt("there are more than \(Self.mostPieces) pieces") }
                pieces.append(try Self.piece(try value.bytes(corrupt("a piece is no message")), file: file))
            case 2: try readTrainer(try value.bytes(corrupt("trainer_spec is no message")), file: file)
            case 3: try readNormalizer(try value.bytes(corrupt("normalizer_spec is no message")), file: file)
            default: continue
            }
        }
        guard !pieces.isEmpty else { throw corrupt("there are no pieces") }
        guard model == .unigram || model == .bytePairs else {
            throw TrainerError(
                .unsupported, "\(file) is a model of \(model == .words ? "words" : "characters")", expected: "one of byte pairs or Unigram")
        }
        if !characterMap.isEmpty { _ = try PrecompiledCharacterMap(characterMap, file: file) }
    }

    /// The tokens that stand before and after texts and for what is unknown, by the names that transformers has for them.
    package var specialTokens: [String: String] {
        let all = [
            ("bos_token", beginningID, beginningPiece, "<s>"), ("eos_token", endID, endPiece, "</s>"),
            ("unk_token", unknownID, unknownPiece, "<unk>"),
        ]
        return Dictionary(uniqueKeysWithValues: all.filter { $0.1 >= 0 }.map { ($0.0, $0.2.isEmpty ? $0.3 : $0.2) })
    }

    /// The tokens that are found in text before any other rule, without the ids that they have in this file.
    package var addedTokens: [AddedToken] {
        pieces.filter { $0.kind == .control || $0.kind == .userDefined }.map { piece in
            AddedToken(id: -1, content: String(decoding: piece.text, as: UTF8.self), isSpecial: piece.kind == .control)
        }
    }

    /// Whether the first line is a token in Base64 and its rank.
    private static func isTiktoken(_ bytes: [UInt8]) -> Bool {
        let line = bytes.prefix { $0 != 0x0A }.prefix(300).split(separator: 0x20, omittingEmptySubsequences: false)
        return line.count == 2 && line[1].allSatisfy { (0x30...0x39).contains($0) } && !line[1].isEmpty
            && Data(base64Encoded: Data(line[0])) != nil
    }

    private static func piece(_ bytes: ArraySlice<UInt8>, file: String) throws -> Piece {
        func corrupt(_ what: String) -> TrainerError {
            TrainerError(.corruptFile, "\(file): the piece at byte \(bytes.startIndex) \(what)", expected: "a right one")
        }
        var piece = Piece()
        var reader = ProtocolBufferReader(bytes, file: file)
        while let (number, value) = try reader.next() {
            switch number {
            case 1:
                piece.text = Array(try value.bytes(corrupt("is no text")))
                guard piece.text.count < 1 << 16, String(validating: piece.text, as: UTF8.self) != nil else {
                    throw corrupt("is no UTF-8, or too long")
                }
            case 2:
                piece.score = try value.number(corrupt("has a score that is no number"))
                guard piece.score.isFinite else { throw corrupt("has a score that is not finite") }
            case 3:
                guard let kind = Kind(rawValue: try value.integer(corrupt("has a type that is no number"))) else {
                    throw corrupt("has an unknown type")
                }
                piece.kind = kind
            default: continue
            }
        }
        guard !piece.text.isEmpty else { throw corrupt("is empty") }
        return piece
    }

    private mutating func readTrainer(_ bytes: ArraySlice<UInt8>, file: String) throws {
        func corrupt(_ what: String) -> TrainerError {
            TrainerError(.corruptFile, "\(file): trainer_spec.\(what) is of another kind", expected: "the right one")
        }
        func text(_ value: ProtocolBufferReader.Value, _ key: String) throws -> String {
            guard let text = String(validating: try value.bytes(corrupt(key)), as: UTF8.self) else { throw corrupt(key) }
            return text
        }
        var reader = ProtocolBufferReader(bytes, file: file)
        while let (number, value) = try reader.next() {
            switch number {
            case 3:
                guard let model = Model(rawValue: try value.integer(corrupt("model_type"))) else { throw corrupt("model_type") }
                self.model = model
            case 35: fallsBackToBytes = try value.flag(corrupt("byte_fallback"))
            case 40: unknownID = try value.integer(corrupt("unk_id"))
            case 41: beginningID = try value.integer(corrupt("bos_id"))
            case 42: endID = try value.integer(corrupt("eos_id"))
            case 45: unknownPiece = try text(value, "unk_piece")
            case 46: beginningPiece = try text(value, "bos_piece")
            case 47: endPiece = try text(value, "eos_piece")
            default: continue
            }
        }
    }

    private mutating func readNormalizer(_ bytes: ArraySlice<UInt8>, file: String) throws {
        func corrupt(_ what: String) -> TrainerError {
            TrainerError(.corruptFile, "\(file): normalizer_spec.\(what) is of another kind", expected: "the right one")
        }
        var reader = ProtocolBufferReader(bytes, file: file)
        while let (number, value) = try reader.next() {
            switch number {
            case 2: characterMap = Array(try value.bytes(corrupt("precompiled_charsmap")))
            default: continue
            }
        }
    }
}
