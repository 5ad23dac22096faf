import Swage

/// The longest tokens of a word from front to back, where tokens that begin words are marked, as llama.cpp takes BERT's.
struct MarkedWordModel: Sendable {
    private static let mark = Array("▁".utf8)
    /// The longest token that is found, in bytes: the work grows with it.
    private static let longestToken = 1024

    let table: TokenTable
    let unknownID: Int32
    private let trie: PieceTrie

    init(_ table: TokenTable, unknownID: Int32) {
        (self.table, self.unknownID) = (table, unknownID)
        var trie = PieceTrie(capacity: table.count * 4)
        for id in 0..<Int32(table.idCount) {
            table.withBytes(of: id) { if !$0.isEmpty, $0.count <= Self.longestToken { trie.insert($0, id) } }
        }
        self.trie = trie
    }

    func encode(_ piece: UnsafeBufferPointer<UInt8>, _ scratch: inout EncodingScratch) {
        let first = scratch.sink.ids.count
        let isComplete = (Self.mark + piece).withUnsafeBufferPointer { word in
            var start = 0
            while start < word.count {
                guard let (id, end) = longest(word, from: start) else { return false }
                scratch.sink.append(id, max(0, start - Self.mark.count), max(0, end - Self.mark.count))
                start = end
            }
            return true
        }
        if isComplete { return }
        scratch.sink.ids.removeLast(scratch.sink.ids.count - first)
        scratch.sink.spans.removeLast(scratch.sink.spans.count - first)
        scratch.sink.append(unknownID, 0, piece.count)
    }

    private func longest(_ word: UnsafeBufferPointer<UInt8>, from start: Int) -> (id: Int32, end: Int)? {
        var node: Int32 = 0
        var found: (id: Int32, end: Int)?
        for index in start..<word.count {
            node = trie.next(node, word[index])
            if node < 0 { break }
            if trie.tokens[Int(node)] >= 0 { found = (trie.tokens[Int(node)], index + 1) }
        }
        return found
    }
}
