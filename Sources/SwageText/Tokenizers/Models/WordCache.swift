/// The tokens of pieces that came before. It takes a few megabytes, and begins anew when those are full.
struct WordCache: Sendable {
    private struct Slot {
        var hash: UInt64 = 0
        var key: Int32 = 0
        var value: Int32 = 0
        var length: Int16 = -1
        var count: Int16 = 0
    }

    static let longestPiece = 48
    private static let slotCount = 1 << 14
    private static let mostBytes = 1 << 20

    private var slots: [Slot] = []
    private var keys: [UInt8] = []
    private var ids: [Int32] = []
    private var spans: [TextSpan] = []

    /// Appends the tokens of a piece, if they are known.
    @inline(__always)
    func find(_ piece: UnsafeBufferPointer<UInt8>, _ hash: UInt64, into sink: inout TokenSink) -> Bool {
        guard !slots.isEmpty else { return false }
        let slot = slots[Int(truncatingIfNeeded: hash) & (Self.slotCount - 1)]
        guard slot.hash == hash, Int(slot.length) == piece.count else { return false }
        let isSame = keys.withUnsafeBufferPointer { piece.isSame(as: $0.baseAddress, at: Int(slot.key)) }
        guard isSame else { return false }
        for index in Int(slot.value)..<Int(slot.value) + Int(slot.count) {
            sink.ids.append(ids[index])
            sink.spans.append(spans[index])
        }
        return true
    }

    /// Keeps the tokens that were appended since `start`.
    mutating func insert(_ piece: UnsafeBufferPointer<UInt8>, _ hash: UInt64, _ sink: TokenSink, from start: Int) {
        let count = sink.ids.count - start
        guard count <= 64 else { return }
        if slots.isEmpty || keys.count + piece.count > Self.mostBytes || ids.count + count > Self.mostBytes {
            slots = Array(repeating: Slot(), count: Self.slotCount)
            keys.removeAll(keepingCapacity: true)
            ids.removeAll(keepingCapacity: true)
            spans.removeAll(keepingCapacity: true)
        }
        slots[Int(truncatingIfNeeded: hash) & (Self.slotCount - 1)] = Slot(
            hash: hash, key: Int32(keys.count), value: Int32(ids.count), length: Int16(piece.count), count: Int16(count))
        keys += piece
        ids += sink.ids[start...]
        spans += sink.spans[start...]
    }
}
