import HeapModule
import Swage

/// Byte-pair encoding (Sennrich et al., 2016) over bytes: pieces of text in, token ids out.
struct BytePairEncoder: Sendable {
    private struct Pair: Hashable {
        let left: Int32
        let right: Int32
    }

    /// Nil for a byte that the vocabulary lacks: such a byte is dropped, as `tokenizers` does.
    private let byteIDs: [Int32?]
    private let merges: [Pair: (rank: Int32, id: Int32)]
    /// Whole pieces that are tokens, where the vocabulary says that no merge need lead to them.
    private let wholePieces: [[UInt8]: Int32]?

    /// - Parameters:
    ///   - vocabulary: token spelling in the byte-level alphabet to id.
    ///   - merges: the pairs to merge, the first ones first.
    ///   - ignoresMerges: whether a piece that is itself a token becomes that token at once.
    init(vocabulary: [String: Int32], merges: [(String, String)], ignoresMerges: Bool) throws {
        byteIDs = ByteLevelAlphabet.scalars.map { vocabulary[String($0)] }
        var table: [Pair: (rank: Int32, id: Int32)] = [:]
        table.reserveCapacity(merges.count)
        for (rank, (left, right)) in merges.enumerated() {
            guard let leftID = vocabulary[left], let rightID = vocabulary[right], let id = vocabulary[left + right]
            else {
                throw TrainerError(
                    .corruptFile, "the tokenizer's merge \(rank) joins \"\(left)\" and \"\(right)\"",
                    expected: "both of them and the result in the vocabulary")
            }
            // Of a pair that is listed twice, the last place counts, as in `tokenizers`.
            table[Pair(left: leftID, right: rightID)] = (Int32(rank), id)
        }
        self.merges = table
        wholePieces =
            ignoresMerges
            ? Dictionary(
                vocabulary.compactMap { spelling, id in ByteLevelAlphabet.bytes(of: spelling).map { ($0, id) } },
                uniquingKeysWith: { first, _ in first })
            : nil
    }

    /// Appends the ids of one piece, merging the pair of lowest rank first and the leftmost of equals.
    ///
    /// Takes O(n log n) for a piece of n bytes, so that text without spaces costs no more than text with them.
    func encode(_ piece: ArraySlice<UInt8>, into result: inout [Int32]) {
        if let whole = wholePieces?[Array(piece)] { return result.append(whole) }
        var links = piece.compactMap { byteIDs[Int($0)] }.linked()
        var candidates = Heap<Candidate>()
        func consider(_ left: Int, _ links: [Link]) {
            guard left >= 0, Int(links[left].next) < links.count else { return }
            let right = links[Int(links[left].next)]
            guard let merge = merges[Pair(left: links[left].id, right: right.id)] else { return }
            candidates.insert(
                Candidate(rank: merge.rank, position: Int32(left), leftID: links[left].id, rightID: right.id, id: merge.id))
        }
        for index in links.indices { consider(index, links) }
        while let best = candidates.popMin() {
            let left = Int(best.position)
            let right = Int(links[left].next)
            let isStale =
                links[left].id != best.leftID || right >= links.count || links[right].id != best.rightID
            if isStale { continue }
            links[left].id = best.id
            links[left].next = links[right].next
            links[right].id = Link.merged
            if Int(links[left].next) < links.count { links[Int(links[left].next)].previous = Int32(left) }
            consider(Int(links[left].previous), links)
            consider(left, links)
        }
        for link in links where link.id != Link.merged { result.append(link.id) }
    }
}

/// A token in the list that merging shortens.
private struct Link {
    static let merged: Int32 = -1
    var id: Int32
    var previous: Int32
    var next: Int32
}

/// A merge that was possible when it was found.
private struct Candidate: Comparable {
    let rank: Int32
    let position: Int32
    let leftID: Int32
    let rightID: Int32
    let id: Int32

    static func < (a: Candidate, b: Candidate) -> Bool { (a.rank, a.position) < (b.rank, b.position) }
}

extension [Int32] {
    fileprivate func linked() -> [Link] {
        enumerated().map { Link(id: $1, previous: Int32($0) - 1, next: Int32($0) + 1) }
    }
}
