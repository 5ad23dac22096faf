import Swage

/// What a `tokenizer.model` of SentencePiece says.
struct SentencePieceFile: Sendable {
    enum Kind: Int, Sendable { case normal = 1, unknown, control, userDefined, unused, byte }

    enum Model: Int, Sendable { case unigram = 1, bytePairs, words, characters }

    struct Piece: Sendable {
        var text: [UInt8] = []
        var score: Float = 0
        var kind = Kind.normal
    }

    var pieces: [Piece] = []
    var model = Model.unigram
    var fallsBackToBytes = false
    var treatsSpaceAsSuffix = false
    var unknownSurface: [UInt8] = Array(" \u{2047} ".utf8)
    var beginningID: Int32 = 1
    var endID: Int32 = 2
    var characterMap: PrecompiledCharacterMap?
    var addsDummyPrefix = true
    var removesExtraSpaces = true
    var escapesSpaces = true

    /// The most pieces; a vocabulary has some hundred thousand.
    static let mostPieces = 1 << 24

    init() {}

    /// - Throws: ``TrainerError`` with code `corruptFile`, or `unsupported` for what is not done here.
    init(_ bytes: [UInt8], file: String) throws {
        func corrupt(_ what: String) -> TrainerError {
            TrainerError(.corruptFile, "\(file): \(what)", expected: "a model of SentencePiece")
        }
        var reader = ProtocolBufferReader(bytes[...], file: file)
        while let (number, value) = try reader.next() {
            switch number {
            case 1:
                guard pieces.count < Self.mostPieces else { throw corrupt("there are more than \(Self.mostPieces) pieces") }
                pieces.append(try Self.piece(try value.bytes(corrupt("a piece is no message")), file: file))
            case 2: try readTrainer(try value.bytes(corrupt("trainer_spec is no message")), file: file)
            case 3: try readNormalizer(try value.bytes(corrupt("normalizer_spec is no message")), file: file)
            case 5:
                var denormalizer = SentencePieceFile()
                try denormalizer.readNormalizer(try value.bytes(corrupt("denormalizer_spec is no message")), file: file)
                if denormalizer.characterMap != nil {
                    throw TrainerError(.unsupported, "\(file): denormalizer_spec has a map of characters", expected: "none")
                }
            default: continue
            }
        }
        guard !pieces.isEmpty else { throw corrupt("there are no pieces") }
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
        var reader = ProtocolBufferReader(bytes, file: file)
        while let (number, value) = try reader.next() {
            switch number {
            case 3:
                guard let model = Model(rawValue: try value.integer(corrupt("model_type"))) else { throw corrupt("model_type") }
                self.model = model
            case 24: treatsSpaceAsSuffix = try value.flag(corrupt("treat_whitespace_as_suffix"))
            case 35: fallsBackToBytes = try value.flag(corrupt("byte_fallback"))
            case 41: beginningID = Int32(try value.integer(corrupt("bos_id")))
            case 42: endID = Int32(try value.integer(corrupt("eos_id")))
            case 44: unknownSurface = Array(try value.bytes(corrupt("unk_surface")).prefix { $0 != 0 })
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
            case 2:
                let map = Array(try value.bytes(corrupt("precompiled_charsmap")))
                characterMap = map.isEmpty ? nil : try PrecompiledCharacterMap(map, file: file)
            case 3: addsDummyPrefix = try value.flag(corrupt("add_dummy_prefix"))
            case 4: removesExtraSpaces = try value.flag(corrupt("remove_extra_whitespaces"))
            case 5: escapesSpaces = try value.flag(corrupt("escape_whitespaces"))
            default: continue
            }
        }
    }
}
