import Synchronization

/// Merges long pieces by a ``PieceSearch``, once there are so many that it pays to make one.
final class LongPieceMerger: Sendable {
    /// A piece that is no longer is merged faster without.
    private static let shortest = 40
    /// How many bytes of long pieces come before a search is made.
    private static let worthwhile = 1 << 16

    private enum State {
        case waiting(bytes: Int)
        case made(PieceSearch)
        case impossible
    }

    private let table: TokenTable
    private let merges: MergeTable
    private let bytes: [Int32]?
    private let state: Mutex<State>

    /// - Parameters:
    ///   - bytes: the token of each byte, where pieces hold bytes and not characters.
    init(_ table: TokenTable, _ merges: MergeTable, bytes: [Int32]? = nil, isUsable: Bool) {
        (self.table, self.merges, self.bytes) = (table, merges, bytes)
        state = Mutex(isUsable ? .waiting(bytes: 0) : .impossible)
    }

    /// Appends the tokens of a piece; false where it must be merged in the usual way.
    @inline(__always)
    func merge(_ piece: UnsafeBufferPointer<UInt8>, _ scratch: inout EncodingScratch) -> Bool {
        piece.count > Self.shortest && search(for: piece.count)?.encode(piece, &scratch) == true
    }

    private func search(for length: Int) -> PieceSearch? {
        state.withLock { state in
            switch state {
            case .made(let search): return search
            case .impossible: return nil
            case .waiting(let bytes):
                guard bytes + length > Self.worthwhile else {
                    state = .waiting(bytes: bytes + length)
                    return nil
                }
                let search = PieceSearch(table, merges, bytes: self.bytes)
                state = search.map { .made($0) } ?? .impossible
                return search
            }
        }
    }
}
