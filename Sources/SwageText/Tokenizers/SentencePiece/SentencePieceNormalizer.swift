/// Normalizes text as SentencePiece does.
struct SentencePieceNormalizer: Sendable {
    private static let mark: [UInt8] = Array("▁".utf8)

    private let map: PrecompiledCharacterMap?
    private let addsDummyPrefix: Bool
    private let removesExtraSpaces: Bool
    private let treatsSpaceAsSuffix: Bool
    private let space: [UInt8]
    /// The symbols that nothing changes; nil if there are none.
    private let symbols: PieceTrie?

    init(_ file: SentencePieceFile, symbols: PieceTrie?) {
        map = file.characterMap
        addsDummyPrefix = file.addsDummyPrefix
        removesExtraSpaces = file.removesExtraSpaces
        treatsSpaceAsSuffix = file.treatsSpaceAsSuffix
        space = file.escapesSpaces ? Self.mark : [0x20]
        self.symbols = symbols
    }

    /// - Returns: the text, and for each byte of it and its end, where in the original that was.
    func normalized(_ text: UnsafeBufferPointer<UInt8>) -> (bytes: [UInt8], places: [Int32]) {
        var bytes: [UInt8] = []
        var places: [Int32] = []
        bytes.reserveCapacity(text.count + text.count / 2)
        places.reserveCapacity(text.count + text.count / 2)
        var place = 0
        if removesExtraSpaces {
            while place < text.count {
                let (piece, length) = prefix(text, at: place)
                guard piece.count == 1, piece.first == 0x20 else { break }
                place += length
            }
        }
        if place == text.count { return ([], []) }
        func add(_ addition: some Collection<UInt8>) {
            bytes += addition
            for _ in 0..<addition.count { places.append(Int32(truncatingIfNeeded: place)) }
        }
        if !treatsSpaceAsSuffix, addsDummyPrefix { add(space) }
        var wasSpace = removesExtraSpaces
        while place < text.count {
            let first = text[place]
            // Most characters stand for themselves, and no rule of a map begins with them.
            if first < 0x80, map == nil, symbols == nil {
                if first == 0x20 {
                    if !wasSpace { add(space) }
                } else {
                    bytes.append(first)
                    places.append(Int32(truncatingIfNeeded: place))
                }
                wasSpace = removesExtraSpaces && first == 0x20
                place += 1
                continue
            }
            var (piece, length) = prefix(text, at: place)
            if wasSpace { piece = piece.drop { $0 == 0x20 } }
            if !piece.isEmpty {
                for byte in piece { if byte == 0x20 { add(space) } else { add(CollectionOfOne(byte)) } }
                wasSpace = piece.last == 0x20
            }
            place += length
            length = 0
            if !removesExtraSpaces { wasSpace = false }
        }
        if removesExtraSpaces {
            while bytes.count >= space.count, bytes.suffix(space.count).elementsEqual(space) {
                place = Int(places[bytes.count - space.count])
                bytes.removeLast(space.count)
                places.removeLast(space.count)
            }
        }
        if treatsSpaceAsSuffix, addsDummyPrefix { add(space) }
        places.append(Int32(truncatingIfNeeded: place))
        return (bytes, places)
    }

    /// What the beginning of the rest of a text becomes, and how long that beginning is.
    private func prefix(_ text: UnsafeBufferPointer<UInt8>, at place: Int) -> (ArraySlice<UInt8>, Int) {
        let rest = UnsafeBufferPointer(rebasing: text[place...])
        if let symbols, let length = symbols.longest(rest) { return (Array(rest[..<length])[...], length) }
        if let map, let (length, result) = map.longest(rest) { return (result, length) }
        let width = rest[0] < 0x80 ? 1 : rest.scalar(at: 0).width
        return (Array(rest[..<width])[...], width)
    }
}

extension PieceTrie {
    /// The length of the longest token with which a text begins.
    func longest(_ text: UnsafeBufferPointer<UInt8>) -> Int? {
        var node: Int32 = 0
        var found: Int?
        for index in 0..<text.count {
            node = next(node, text[index])
            if node < 0 { break }
            if tokens[Int(node)] >= 0 { found = index + 1 }
        }
        return found
    }
}
