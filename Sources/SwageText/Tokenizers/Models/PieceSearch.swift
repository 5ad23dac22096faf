/// Byte-pair encoding from left to right, with the outcome of ``PairMerger`` and in a time that hardly depends on the length.
///
/// A row of tokens is what merging makes of a text if merging makes each token of its own text, and leaves each two neighbours
/// apart: until the first merge over a border all goes on as in the two beside it alone, which would be merged there too. So the
/// longest token is taken that stays apart from the one before it, and where there is none, the one before it is made shorter.
final class PieceSearch: Sendable {
    /// No token may be longer, since the work of one step grows with it.
    private static let longestToken = 256
    /// Nor may all together be longer.
    private static let mostBytes = 1 << 26

    private let origins: TokenOrigins
    /// How many bytes each token has; 0 for one that merging never makes.
    private let lengths: [Int32]
    /// The longest token that each begins with, beside itself; negative for none.
    private let shorter: [Int32]
    private let trie: CompactTrie

    /// - Parameters:
    ///   - bytes: the token of each byte, where pieces hold bytes and not characters.
    /// - Returns: nil for merges of which a later one may come before an earlier one, and for tokens that are too long.
    init?(_ table: TokenTable, _ merges: MergeTable, bytes: [Int32]?) {
        let ordered = merges.ordered
        guard Self.isInOrder(ordered, idCount: table.idCount) else { return nil }
        var origins = TokenOrigins(merges, idCount: table.idCount)
        var spellings = Self.beginnings(table, bytes: bytes)
        for merge in ordered {
            let (left, right, id) = (Int(merge.left), Int(merge.right), Int(merge.id))
            guard !spellings[left].isEmpty, !spellings[right].isEmpty else { continue }
            let spelling = spellings[left] + spellings[right]
            guard spelling.count <= Self.longestToken, spellings[id].isEmpty || spellings[id] == spelling else { return nil }
            guard spellings[id].isEmpty, origins.areApart(merge.left, merge.right, asWhole: false) else { continue }
            spellings[id] = spelling
            origins.add(merge)
        }
        guard spellings.reduce(0, { $0 + $1.count }) < Self.mostBytes else { return nil }
        let trie = CompactTrie(spellings)
        shorter = spellings.map { spelling in
            // What precedes the last byte, so that it does not find itself.
            spelling.isEmpty ? -1 : spelling.dropLast().withUnsafeBufferPointer { trie.longest($0, at: 0) }
        }
        lengths = spellings.map { Int32($0.count) }
        (self.origins, self.trie) = (origins, trie)
    }

    /// Whether each merge comes after all that make what it joins.
    private static func isInOrder(_ merges: [MergeTable.Merge], idCount: Int) -> Bool {
        var latest = [Int32](repeating: -1, count: idCount)
        for merge in merges {
            guard [merge.left, merge.right, merge.id].allSatisfy({ $0 >= 0 && $0 < idCount }) else { return false }
            latest[Int(merge.id)] = max(latest[Int(merge.id)], merge.rank)
        }
        return merges.allSatisfy { $0.rank < .max && $0.rank > latest[Int($0.left)] && $0.rank > latest[Int($0.right)] }
    }

    /// By id, what the tokens that merging begins with are spelled like.
    private static func beginnings(_ table: TokenTable, bytes: [Int32]?) -> [[UInt8]] {
        var spellings = [[UInt8]](repeating: [], count: table.idCount)
        if let bytes {
            for (byte, id) in bytes.enumerated() { spellings[Int(id)] = [UInt8(byte)] }
            return spellings
        }
        for id in 0..<Int32(table.idCount) where table.contains(id) {
            table.withBytes(of: id) { spelling in
                guard (1...4).contains(spelling.count), spelling.scalar(at: 0).width == spelling.count, table.id(of: spelling) == id else { return }
                spellings[Int(id)] = Array(spelling)
            }
        }
        return spellings
    }

    /// Appends the tokens of a piece; false, and nothing, for one with a character that has no token.
    func encode(_ piece: UnsafeBufferPointer<UInt8>, _ scratch: inout EncodingScratch) -> Bool {
        let isFound = scratch.search.withMemory(for: piece.count) { search(piece, &$0, &$1) }
        guard isFound else { return false }
        var start = 0
        for id in scratch.search.tokens {
            let end = start + Int(lengths[Int(id)])
            scratch.sink.append(id, start, end)
            start = end
        }
        return true
    }

    private func search(_ piece: UnsafeBufferPointer<UInt8>, _ tokens: inout [Int32], _ isDeadEnd: inout [Bool]) -> Bool {
        var place = 0
        var next = trie.longest(piece, at: 0)
        while place < piece.count {
            guard next >= 0 else { return false }
            let last = tokens.last ?? -1
            var token = next
            while token >= 0 {
                let end = place + Int(lengths[Int(token)])
                if !isDeadEnd[end], last < 0 || origins.areApart(last, token) {
                    tokens.append(token)
                    place = end
                    next = trie.longest(piece, at: place)
                    break
                }
                token = shorter[Int(token)]
            }
            if token < 0 {
                guard last >= 0 else { return false }
                isDeadEnd[place] = true
                tokens.removeLast()
                place -= Int(lengths[Int(last)])
                next = last
            }
        }
        return true
    }
}

/// Memory that a ``PieceSearch`` uses again.
struct PieceSearchScratch: Sendable {
    private(set) var tokens: [Int32] = []
    /// By place, whether no row of tokens goes on from there.
    private var isDeadEnd: [Bool] = []

    fileprivate mutating func withMemory(for length: Int, _ body: (inout [Int32], inout [Bool]) -> Bool) -> Bool {
        tokens.removeAll(keepingCapacity: true)
        isDeadEnd.removeAll(keepingCapacity: true)
        isDeadEnd.append(contentsOf: repeatElement(false, count: length + 1))
        return body(&tokens, &isDeadEnd)
    }
}
