extension TokenizedText {
    /// Cuts each piece of text into parts, some of which are matches.
    mutating func split(_ behavior: SplitBehavior, _ find: (inout [SplitBehavior.Part], UnsafeBufferPointer<UInt8>) -> Void) {
        var result: [Piece] = []
        result.reserveCapacity(pieces.count * 2)
        var parts: [SplitBehavior.Part] = []
        bytes.withUnsafeBufferPointer { bytes in
            for piece in pieces {
                if piece.id >= 0 {
                    result.append(piece)
                    continue
                }
                parts.removeAll(keepingCapacity: true)
                find(&parts, UnsafeBufferPointer(rebasing: bytes[piece.range]))
                let start = Int(piece.start)
                for part in behavior.pieces(parts) where part.start < part.end {
                    result.append(Piece(start + part.start, start + part.end))
                }
            }
        }
        pieces = result
    }

    mutating func split(by expression: RegularExpression, _ behavior: SplitBehavior, isInverted: Bool) {
        var scratch = RegularExpression.Scratch()
        guard behavior == .isolated else {
            return split(behavior) { parts, bytes in
                var start = 0
                expression.forEachMatch(in: bytes, &scratch) { first, end in
                    if start < first { parts.append(.init(start: start, end: first, isMatch: isInverted)) }
                    parts.append(.init(start: first, end: end, isMatch: !isInverted))
                    start = end
                }
                if start < bytes.count { parts.append(.init(start: start, end: bytes.count, isMatch: isInverted)) }
            }
        }
        // The usual way, in which matches and what lies between them are pieces alike.
        var result: [Piece] = []
        result.reserveCapacity(bytes.count / 4 + pieces.count)
        bytes.withUnsafeBufferPointer { bytes in
            for piece in pieces {
                if piece.id >= 0 {
                    result.append(piece)
                    continue
                }
                let offset = Int(piece.start)
                let text = UnsafeBufferPointer(rebasing: bytes[piece.range])
                var start = 0
                expression.forEachMatch(in: text, &scratch) { first, end in
                    if start < first { result.append(Piece(offset + start, offset + first)) }
                    if first < end { result.append(Piece(offset + first, offset + end)) }
                    start = end
                }
                if start < text.count { result.append(Piece(offset + start, offset + text.count)) }
            }
        }
        pieces = result
    }

    /// Puts a text before each piece that asks for it, which comes from where the piece's first character does.
    mutating func prepend(_ prefix: [UInt8], where isAsked: (Piece, UnsafeBufferPointer<UInt8>) -> Bool) {
        let asks = bytes.withUnsafeBufferPointer { bytes in
            pieces.map { $0.id < 0 && isAsked($0, UnsafeBufferPointer(rebasing: bytes[$0.range])) }
        }
        guard asks.contains(true) else { return }
        let text = self
        var index = 0
        var isAskedAt: [Int32: Bool] = [:]
        for piece in pieces {
            isAskedAt[piece.start] = asks[index]
            index += 1
        }
        rewrite { piece, old, new in
            if isAskedAt[piece.start] == true { new.append(prefix, from: text.span(Int(piece.start), Int(piece.start) + 1)) }
            new.copy(piece.range, old, new.isAligned ? text.spansOfBytes(piece.range) : [], from: Int(piece.start))
        }
    }

    mutating func replaceSpaces(with replacement: [UInt8], _ scheme: PieceSplitter.PrependScheme) {
        let text = self
        rewrite { piece, old, new in
            let range = piece.range
            let isMarked =
                old[range.lowerBound] == 0x20
                || (range.count >= replacement.count && replacement.indices.allSatisfy { old[range.lowerBound + $0] == replacement[$0] })
            let asks =
                switch scheme {
                case .always: !isMarked && !text.continues(piece)
                case .first: !isMarked && text.origin(piece) == 0 && text.place == .beginning
                case .never: false
                }
            if asks { new.append(replacement, from: text.span(range.lowerBound, range.lowerBound + 1)) }
            for index in range {
                if old[index] == 0x20 {
                    new.append(replacement, from: text.spanOfByte(index))
                } else {
                    new.bytes.append(old[index])
                    if new.isAligned { new.spans.append(text.spanOfByte(index)) }
                }
            }
        }
    }

    /// Spells the bytes of each piece as characters of the byte-level alphabet.
    mutating func spellBytes() {
        let text = self
        rewrite { piece, old, new in
            for index in piece.range {
                new.bytes.append(scalar: ByteLevelAlphabet.scalars[Int(old[index])].value)
                if new.isAligned {
                    let span = text.spanOfByte(index)
                    while new.spans.count < new.bytes.count { new.spans.append(span) }
                }
            }
        }
    }

    func spanOfByte(_ index: Int) -> TextSpan { alignment == .perByte ? spans[index] : span(index, index + 1) }

    private func spansOfBytes(_ range: Range<Int>) -> [TextSpan] { range.map(spanOfByte) }
}

extension TokenizedText.Rewriter {
    fileprivate mutating func copy(_ range: Range<Int>, _ old: UnsafeBufferPointer<UInt8>, _ spans: [TextSpan], from start: Int) {
        bytes += UnsafeBufferPointer(rebasing: old[range])
        if isAligned { self.spans += spans }
    }
}
