/// A text on its way to tokens: what the normalizer made of it, cut into pieces.
struct TokenizedText {
    struct Piece {
        var start: Int32
        var end: Int32
        /// The token that it is already; negative for text.
        var id: Int32 = -1

        init(_ start: Int, _ end: Int, id: Int32 = -1) {
            self.start = Int32(truncatingIfNeeded: start)
            self.end = Int32(truncatingIfNeeded: end)
            self.id = id
        }

        var range: Range<Int> { Int(start)..<Int(end) }
    }

    enum Alignment {
        /// Nobody asks where anything comes from.
        case none
        /// The text is the original.
        case identity
        case perByte
    }

    var bytes: [UInt8]
    var spans: [TextSpan] = []
    var alignment: Alignment
    var pieces: [Piece] = []
    /// Where the text stands, if it is part of another one.
    var place = TextPlace.beginning

    /// Whether something of the text stands right before a piece, so that nothing is put between them.
    func continues(_ piece: Piece) -> Bool { piece.start == 0 && place == .continuing }

    /// Where a range that is not empty comes from.
    func span(_ start: Int, _ end: Int) -> TextSpan {
        let end = min(end, bytes.count)
        guard start < end else { return TextSpan(0, 0) }
        switch alignment {
        case .none: return TextSpan(0, 0)
        case .perByte: return TextSpan(Int(spans[start].start), Int(spans[end - 1].end))
        case .identity:
            var (first, last) = (start, end)
            while first > 0, bytes[first] & 0xC0 == 0x80 { first -= 1 }
            while last < bytes.count, bytes[last] & 0xC0 == 0x80 { last += 1 }
            return TextSpan(first, last)
        }
    }

    /// Where the original of a piece begins.
    func origin(_ piece: Piece) -> Int { Int(span(Int(piece.start), Int(piece.start) + 1).start) }

    /// Makes the bytes anew, piece by piece.
    mutating func rewrite(_ body: (_ piece: Piece, _ old: UnsafeBufferPointer<UInt8>, _ new: inout Rewriter) -> Void) {
        var new = Rewriter(isAligned: alignment != .none)
        new.bytes.reserveCapacity(bytes.count + bytes.count / 4)
        var newPieces: [Piece] = []
        newPieces.reserveCapacity(pieces.count)
        if alignment == .identity {
            bytes.withUnsafeBufferPointer { spans.appendIdentity($0, at: 0) }
            alignment = .perByte
        }
        bytes.withUnsafeBufferPointer { old in
            for piece in pieces {
                let start = new.bytes.count
                if piece.id >= 0 { new.copy(piece.range, old, spans) } else { body(piece, old, &new) }
                newPieces.append(Piece(start, new.bytes.count, id: piece.id))
            }
        }
        (bytes, spans, pieces) = (new.bytes, new.spans, newPieces)
    }

    struct Rewriter {
        var bytes: [UInt8] = []
        var spans: [TextSpan] = []
        let isAligned: Bool

        init(isAligned: Bool) { self.isAligned = isAligned }

        mutating func copy(_ range: Range<Int>, _ old: UnsafeBufferPointer<UInt8>, _ oldSpans: [TextSpan]) {
            bytes += UnsafeBufferPointer(rebasing: old[range])
            if isAligned { spans += oldSpans[range] }
        }

        mutating func append(_ text: [UInt8], from span: TextSpan) {
            bytes += text
            if isAligned { spans += repeatElement(span, count: text.count) }
        }
    }
}
