import Swage

/// Reads merges, written either as `"a b"` or as `["a", "b"]`.
struct MergeReader {
    private let table: TokenTable
    private let prefix: [UInt8]

    init(_ table: TokenTable, prefix: String) {
        self.table = table
        self.prefix = Array(prefix.utf8)
    }

    func read(_ cursor: inout JSONCursor, _ settings: BytePairModel.Settings) throws -> BytePairModel {
        var merges: [MergeTable.Merge] = []
        merges.reserveCapacity(table.count)
        var text: [UInt8] = []
        var isListOfPairs: Bool?
        var rank: Int32 = 0
        try cursor.expect("[")
        if !cursor.take("]") {
            repeat {
                text.removeAll(keepingCapacity: true)
                let isPair = cursor.peek() == UInt8(ascii: "[")
                guard isListOfPairs ?? isPair == isPair else { throw cursor.wrong("texts and pairs are mixed", expected: "one of both") }
                isListOfPairs = isPair
                let border: Int
                if isPair {
                    try cursor.expect("[")
                    try cursor.string(into: &text)
                    border = text.count
                    try cursor.expect(",")
                    try cursor.string(into: &text)
                    try cursor.expect("]")
                } else {
                    try cursor.string(into: &text)
                    if text.starts(with: "#version".utf8) { continue }
                    guard let space = text.firstIndex(of: 0x20), !text[(space + 1)...].contains(0x20) else {
                        throw cursor.wrong("a merge is not two texts with a space between them", expected: "one space")
                    }
                    text.remove(at: space)
                    border = space
                }
                let (left, right, id) = try ids(text, border, cursor)
                merges.append(.init(left: left, right: right, rank: rank, id: id))
                rank += 1
            } while cursor.take(",")
            try cursor.expect("]")
        }
        return BytePairModel(table, merges, settings)
    }

    private func ids(_ text: [UInt8], _ border: Int, _ cursor: JSONCursor) throws -> (left: Int32, right: Int32, id: Int32) {
        let found: (Int32, Int32, Int32)? = text.withUnsafeBufferPointer { bytes in
            guard let left = table.id(of: UnsafeBufferPointer(rebasing: bytes[..<border])),
                let right = table.id(of: UnsafeBufferPointer(rebasing: bytes[border...]))
            else { return nil }
            if prefix.isEmpty { return table.id(of: bytes).map { (left, right, $0) } }
            // What goes on after another token is joined without what marks it as such.
            guard bytes.count - border > prefix.count else { return nil }
            return table.id(of: Array(bytes[..<border]) + Array(bytes[(border + prefix.count)...])).map { (left, right, $0) }
        }
        guard let found else {
            let (left, right) = (String(decoding: text[..<border], as: UTF8.self), String(decoding: text[border...], as: UTF8.self))
            throw cursor.wrong("a merge joins \"\(left)\" and \"\(right)\"", expected: "both of them and the result in the vocabulary")
        }
        return found
    }
}
