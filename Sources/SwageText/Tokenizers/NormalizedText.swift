import Foundation

/// A text in Unicode's composed form (NFC), that knows where each part of it was before.
struct NormalizedText {
    private(set) var utf8: [UInt8] = []
    /// Where stretches that can be composed apart begin, after and before.
    private var stretches: [(start: Int, original: Int, isUnchanged: Bool)] = []

    init(_ original: ArraySlice<UInt8>) {
        utf8.reserveCapacity(original.count)
        var start = original.startIndex
        while start < original.endIndex {
            let end = Self.border(in: original[start...])
            let part = original[start..<end]
            let composed = part.allSatisfy { $0 < 0x80 } ? Array(part) : Self.composed(part)
            stretches.append((utf8.count, start - original.startIndex, composed.elementsEqual(part)))
            utf8 += composed
            start = end
        }
    }

    /// The end of a stretch: before an ASCII character, for none is put on another one. Of those that stand together, all
    /// but the last make one stretch, for the last may be what a mark is put on.
    private static func border(in utf8: ArraySlice<UInt8>) -> Int {
        let following = utf8.dropFirst()
        guard let second = following.first else { return utf8.endIndex }
        if utf8[utf8.startIndex] < 0x80, second < 0x80 {
            return following.firstIndex { $0 >= 0x80 }.map { $0 - 1 } ?? utf8.endIndex
        }
        return following.firstIndex { $0 < 0x80 } ?? utf8.endIndex
    }

    private static func composed(_ utf8: ArraySlice<UInt8>) -> [UInt8] {
        Array(String(decoding: utf8, as: UTF8.self).precomposedStringWithCanonicalMapping.utf8)
    }

    /// Where in the original text the places of the normalized one were, which are in order.
    func originalStarts(_ places: [Int]) -> [Int] {
        var index = 0
        return places.map { place in
            while index + 1 < stretches.count, stretches[index + 1].start <= place { index += 1 }
            guard index < stretches.count else { return place }
            let stretch = stretches[index]
            return stretch.isUnchanged ? stretch.original + place - stretch.start : stretch.original
        }
    }
}
