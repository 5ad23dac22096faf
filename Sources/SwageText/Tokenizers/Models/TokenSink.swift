/// Takes the tokens of a piece, with where in the piece they lie.
struct TokenSink: Sendable {
    var ids: [Int32] = []
    var spans: [TextSpan] = []

    @inline(__always)
    mutating func append(_ id: Int32, _ start: Int, _ end: Int) {
        ids.append(id)
        spans.append(TextSpan(start, end))
    }

    mutating func removeAll() {
        ids.removeAll(keepingCapacity: true)
        spans.removeAll(keepingCapacity: true)
    }
}
