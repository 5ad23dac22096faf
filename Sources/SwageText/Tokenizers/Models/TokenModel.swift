/// What turns pieces of text into tokens.
enum TokenModel: Sendable {
    case bytePairs(BytePairModel)
    case scoredPairs(ScoredPairModel)
    case unigram(UnigramModel)
    case wordPiece(WordPieceModel)
    case markedWords(MarkedWordModel)
    case wordLevel(WordLevelModel)

    var table: TokenTable {
        switch self {
        case .bytePairs(let model): model.table
        case .scoredPairs(let model): model.table
        case .unigram(let model): model.table
        case .wordPiece(let model): model.table
        case .markedWords(let model): model.table
        case .wordLevel(let model): model.table
        }
    }

    @inline(__always)
    func encode(_ piece: UnsafeBufferPointer<UInt8>, isBytes: Bool, _ scratch: inout EncodingScratch) throws {
        switch self {
        case .bytePairs(let model): try model.encode(piece, isBytes: isBytes, &scratch)
        case .scoredPairs(let model): model.encode(piece, &scratch)
        case .unigram(let model): try model.encode(piece, &scratch)
        case .wordPiece(let model): try model.encode(piece, &scratch)
        case .markedWords(let model): model.encode(piece, &scratch)
        case .wordLevel(let model): try model.encode(piece, &scratch)
        }
    }
}
