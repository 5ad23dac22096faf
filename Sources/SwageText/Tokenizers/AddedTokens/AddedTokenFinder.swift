import Swage

/// Finds added tokens in text, as `tokenizers` does: the leftmost first, and the longest of those that begin there.
struct AddedTokenFinder: Sendable {
    struct Token: Sendable {
        var id: Int32
        var stripsLeft: Bool
        var stripsRight: Bool
        var isSingleWord: Bool
    }

    private let tokens: [Token]
    private var trie: PieceTrie
    private var canBegin = [Bool](repeating: false, count: 256)

    /// - Throws: ``TrainerError`` for two tokens that are spelled alike, and for one that has no characters.
    init(_ spelled: [(spelling: [UInt8], token: Token)], file: String) throws {
        tokens = spelled.map(\.token)
        trie = PieceTrie(capacity: spelled.reduce(0) { $0 + $1.spelling.count })
        var seen = Set<[UInt8]>()
        for (index, (spelling, token)) in spelled.enumerated() {
            guard let first = spelling.first, seen.insert(spelling).inserted else {
                throw TrainerError(
                    .corruptFile,
                    "\(file): the added token \(token.id) is \"\(String(decoding: spelling, as: UTF8.self))\" once it is normalized",
                    expected: "a text of its own")
            }
            spelling.withUnsafeBufferPointer { trie.insert($0, Int32(index)) }
            canBegin[Int(first)] = true
        }
    }

    var isEmpty: Bool { tokens.isEmpty }

    /// Appends the parts of a text: tokens, and what lies between them, which is nothing but for a text that is empty.
    func find(_ text: UnsafeBufferPointer<UInt8>, _ body: (_ id: Int32, _ start: Int, _ end: Int) -> Void) {
        if isEmpty { return body(-1, 0, text.count) }
        var textStart = 0
        var index = 0
        canBegin.withUnsafeBufferPointer { canBegin in
            while index < text.count {
                guard canBegin[Int(text[index])], let (number, end) = token(at: index, in: text) else {
                    index += 1
                    continue
                }
                let token = tokens[number]
                let found = index
                index = end
                if token.isSingleWord, text.hasWord(before: found) || text.hasWord(at: end) { continue }
                let start = token.stripsLeft ? max(text.startOfSpace(before: found), textStart) : found
                let stop = token.stripsRight ? text.endOfSpace(at: end) : end
                if textStart < start { body(-1, textStart, start) }
                // One that begins within the white space that another swallowed may be left with nothing.
                if start < stop { body(token.id, start, stop) }
                // It goes back to where that one ends, as in the library.
                textStart = stop
            }
        }
        if textStart != text.count { body(-1, textStart, text.count) }
    }

    private func token(at start: Int, in text: UnsafeBufferPointer<UInt8>) -> (Int, end: Int)? {
        var node: Int32 = 0
        var found: (Int, end: Int)?
        var index = start
        while index < text.count {
            node = trie.next(node, text[index])
            if node < 0 { break }
            index += 1
            let token = trie.tokens[Int(node)]
            if token >= 0 { found = (Int(token), index) }
        }
        return found
    }
}

extension UnsafeBufferPointer<UInt8> {
    private func startOfScalar(before index: Int) -> Int {
        var start = index - 1
        while start > 0, self[start] & 0xC0 == 0x80 { start -= 1 }
        return start
    }

    fileprivate func hasWord(before index: Int) -> Bool {
        index > 0 && ScalarBitmap.word.contains(scalar(at: startOfScalar(before: index)).value)
    }

    fileprivate func hasWord(at index: Int) -> Bool { index < count && ScalarBitmap.word.contains(scalar(at: index).value) }

    fileprivate func startOfSpace(before index: Int) -> Int {
        var start = index
        while start > 0 {
            let first = startOfScalar(before: start)
            guard ScalarBitmap.whitespace.contains(scalar(at: first).value) else { break }
            start = first
        }
        return start
    }

    fileprivate func endOfSpace(at index: Int) -> Int {
        var end = index
        while end < count {
            let (value, width) = scalar(at: end)
            guard ScalarBitmap.whitespace.contains(value) else { break }
            end += width
        }
        return end
    }
}
