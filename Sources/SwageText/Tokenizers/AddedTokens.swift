import Swage

/// A token that is found in text as it is spelled, before any other rule: `<|im_start|>` and its like.
package struct AddedToken: Sendable, Equatable {
    package var id: Int32
    package var content: String
    /// Whether decoding can leave it out.
    package var isSpecial: Bool
    /// Whether it swallows the white space before it.
    package var stripsLeft: Bool
    /// Whether it swallows the white space after it.
    package var stripsRight: Bool
    /// Whether it is found in the text as the normalizer leaves it, after all those that are found in the text as it came.
    package var isNormalized: Bool

    package init(
        id: Int32, content: String, isSpecial: Bool, stripsLeft: Bool = false, stripsRight: Bool = false,
        isNormalized: Bool = false
    ) {
        self.id = id
        self.content = content
        self.isSpecial = isSpecial
        self.stripsLeft = stripsLeft
        self.stripsRight = stripsRight
        self.isNormalized = isNormalized
    }
}

/// Finds added tokens in text: the leftmost first, and the longest of those that begin there.
struct AddedTokenMatcher: Sendable {
    enum Part: Equatable {
        case text(Range<Int>)
        case token(AddedToken, Range<Int>)
    }

    /// A step from a node of the tree of spellings to the next.
    private struct Edge: Hashable {
        let node: Int32
        let byte: UInt8
    }

    private let tokens: [AddedToken]
    private let next: [Edge: Int32]
    /// The token that is spelled out at a node.
    private let tokenAtNode: [Int32: Int]
    private let canBegin: [Bool]

    init(_ tokens: [AddedToken]) {
        var next: [Edge: Int32] = [:]
        var ends: [Int32: Int] = [:]
        var canBegin = [Bool](repeating: false, count: 256)
        for (index, token) in tokens.enumerated() where !token.content.isEmpty {
            var node: Int32 = 0
            for byte in token.content.utf8 {
                if node == 0 { canBegin[Int(byte)] = true }
                let edge = Edge(node: node, byte: byte)
                node = next[edge] ?? Int32(next.count + 1)
                next[edge] = node
            }
            if ends[node] == nil { ends[node] = index }
        }
        (self.tokens, self.next, tokenAtNode, self.canBegin) = (tokens, next, ends, canBegin)
    }

    var isEmpty: Bool { next.isEmpty }

    /// The parts of `utf8`, in order and without gaps.
    func parts(of utf8: ArraySlice<UInt8>) -> [Part] {
        if isEmpty { return utf8.isEmpty ? [] : [.text(utf8.indices)] }
        var parts: [Part] = []
        var textStart = utf8.startIndex
        var index = utf8.startIndex
        while index < utf8.endIndex {
            guard canBegin[Int(utf8[index])], let (token, tokenEnd) = token(at: index, in: utf8) else {
                index += 1
                continue
            }
            let start = token.stripsLeft ? utf8[textStart..<index].startOfWhitespaceAtEnd : index
            let end = token.stripsRight ? utf8[tokenEnd...].endOfWhitespaceAtStart : tokenEnd
            if textStart < start { parts.append(.text(textStart..<start)) }
            parts.append(.token(token, start..<end))
            index = end
            textStart = end
        }
        if textStart < utf8.endIndex { parts.append(.text(textStart..<utf8.endIndex)) }
        return parts
    }

    private func token(at index: Int, in utf8: ArraySlice<UInt8>) -> (AddedToken, end: Int)? {
        var node: Int32 = 0
        var found: (AddedToken, end: Int)?
        for place in index..<utf8.endIndex {
            guard let following = next[Edge(node: node, byte: utf8[place])] else { break }
            node = following
            if let token = tokenAtNode[node] { found = (tokens[token], place + 1) }
        }
        return found
    }
}

extension ArraySlice<UInt8> {
    /// Where the white space that ends the text begins.
    fileprivate var startOfWhitespaceAtEnd: Int {
        var start = endIndex
        while start > startIndex {
            var first = start - 1
            while first > startIndex, self[first] & 0b1100_0000 == 0b1000_0000 { first -= 1 }
            guard Self.isWhitespace(self[first..<start]) else { break }
            start = first
        }
        return start
    }

    /// Where the white space that begins the text ends.
    fileprivate var endOfWhitespaceAtStart: Int {
        var end = startIndex
        while end < endIndex {
            var next = end + 1
            while next < endIndex, self[next] & 0b1100_0000 == 0b1000_0000 { next += 1 }
            guard Self.isWhitespace(self[end..<next]) else { break }
            end = next
        }
        return end
    }

    private static func isWhitespace(_ utf8: ArraySlice<UInt8>) -> Bool {
        String(decoding: utf8, as: UTF8.self).unicodeScalars.first?.properties.isWhitespace ?? false
    }
}
