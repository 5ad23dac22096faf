import Swage

/// The longest tokens of a word from front to back, where tokens that begin words are marked, as llama.cpp takes BERT's.
struct MarkedWordModel: Sendable {
    static let mark = Array("▁".utf8)

    let table: TokenTable
    let unknownID: Int32
    private let longestToken: Int

    init(_ table: TokenTable, unknownID: Int32) {
        (self.table, self.unknownID) = (table, unknownID)
        longestToken = (0..<Int32(table.idCount)).reduce(0) { longest, id in table.withBytes(of: id) { max(longest, $0.count) } }
    }

    func encode(_ piece: UnsafeBufferPointer<UInt8>, _ scratch: inout EncodingScratch) {
        let first = scratch.sink.ids.count
        let isComplete = (Self.mark + piece).withUnsafeBufferPointer { word in
            var start = 0
            while start < word.count {
                var end = min(word.count, start + longestToken)
                while end > start, table.id(of: UnsafeBufferPointer(rebasing: word[start..<end])) == nil { end -= 1 }
                guard end > start, let id = table.id(of: UnsafeBufferPointer(rebasing: word[start..<end])) else { return false }
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
}
