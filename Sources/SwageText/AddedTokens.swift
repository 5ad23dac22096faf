import Swage

/// A token that is found in text as it is spelled, before any other rule: `<|im_start|>` and its like.
package struct AddedToken: Sendable, Equatable {
    package var id: Int32
    package var content: String
    /// Whether decoding can leave it out.
    package var isSpecial: Bool
    /// Whether it swallows the white space before it.
    package var stripsLeft = false
    /// Whether it swallows the white space after it.
    package var stripsRight = false

    package init(id: Int32, content: String, isSpecial: Bool, stripsLeft: Bool = false, stripsRight: Bool = false) {
        self.id = id
        self.content = content
        self.isSpecial = isSpecial
        self.stripsLeft = stripsLeft
        self.stripsRight = stripsRight
    }
}

/// Finds added tokens in text: the leftmost first, and the longest of those that begin there.
struct AddedTokenMatcher: Sendable {
    enum Part: Equatable {
        case text(Range<Int>)
        case token(AddedToken, Range<Int>)
    }

    private let byFirstByte: [UInt8: [AddedToken]]

    init(_ tokens: [AddedToken]) {
        byFirstByte = Dictionary(grouping: tokens.filter { !$0.content.isEmpty }) { $0.content.utf8.first! }
            .mapValues { $0.sorted { $0.content.utf8.count > $1.content.utf8.count } }
    }

    /// The parts of `utf8`, in order and without gaps.
    func parts(of utf8: [UInt8]) -> [Part] {
        var parts: [Part] = []
        var textStart = 0
        var index = 0
        while index < utf8.count {
            guard let token = token(at: index, in: utf8) else {
                index += 1
                continue
            }
            var start = index
            var end = index + token.content.utf8.count
            if token.stripsLeft { while start > textStart, utf8[start - 1].isASCIIWhitespace { start -= 1 } }
            if token.stripsRight { while end < utf8.count, utf8[end].isASCIIWhitespace { end += 1 } }
            if textStart < start { parts.append(.text(textStart..<start)) }
            parts.append(.token(token, start..<end))
            index = end
            textStart = end
        }
        if textStart < utf8.count { parts.append(.text(textStart..<utf8.count)) }
        return parts
    }

    private func token(at index: Int, in utf8: [UInt8]) -> AddedToken? {
        byFirstByte[utf8[index]]?.first { utf8[index...].starts(with: $0.content.utf8) }
    }
}

extension UInt8 {
    fileprivate var isASCIIWhitespace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}
