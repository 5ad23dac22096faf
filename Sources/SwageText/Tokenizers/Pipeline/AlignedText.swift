/// A part of a text that normalizers change, and where each byte of it comes from.
struct AlignedText: Sendable {
    private(set) var bytes: [UInt8]
    /// For each byte, where it comes from; empty if nobody asks.
    private(set) var spans: [TextSpan]
    let isAligned: Bool

    /// - Parameter place: where the part begins in the original text.
    init(_ utf8: UnsafeBufferPointer<UInt8>, at place: Int, isAligned: Bool) {
        bytes = Array(utf8)
        self.isAligned = isAligned
        spans = []
        if isAligned { spans.appendIdentity(utf8, at: place) }
    }

    var isASCII: Bool { bytes.withUnsafeBufferPointer { $0.isASCII } }

    /// Replaces the scalars, as `tokenizers` does it, with its rule for where each comes from.
    /// - Parameters:
    ///   - result: each new scalar, with 0 if it stands for the next one of the old, 1 if it is put in after it, and -n if it
    ///     stands for the next one and n more.
    ///   - removed: how many scalars at the beginning are left out.
    mutating func transform(_ result: [(scalar: UInt32, change: Int)], removedAtStart removed: Int = 0) {
        var newBytes: [UInt8] = []
        newBytes.reserveCapacity(bytes.count)
        guard isAligned else {
            for (scalar, _) in result { newBytes.append(scalar: scalar) }
            bytes = newBytes
            return
        }
        var newSpans: [TextSpan] = []
        newSpans.reserveCapacity(bytes.count)
        bytes.withUnsafeBufferPointer { old in
            var place = 0
            func skip(_ count: Int) {
                for _ in 0..<count where place < old.count { place += old.scalar(at: place).width }
            }
            skip(removed)
            for (scalar, change) in result {
                let isNew = change > 0
                let source = isNew ? place - 1 : place
                let span =
                    spans.isEmpty
                    ? TextSpan(0, 0) : source < 0 ? TextSpan(Int(spans[0].start), Int(spans[0].start)) : spans[min(source, spans.count - 1)]
                if !isNew { skip(1 - change) }
                newBytes.append(scalar: scalar)
                for _ in newSpans.count..<newBytes.count { newSpans.append(span) }
            }
        }
        (bytes, spans) = (newBytes, newSpans)
    }

    /// Leaves out what does not belong.
    mutating func filter(_ belongs: (UInt32) -> Bool) {
        var result: [(scalar: UInt32, change: Int)] = []
        var removedAtStart = 0
        var removed = 0
        let scalars = bytes.scalars
        for scalar in scalars {
            if belongs(scalar) {
                if result.isEmpty { removedAtStart = removed } else { result[result.count - 1].change = -removed }
                result.append((scalar, 0))
                removed = 0
            } else {
                removed += 1
            }
        }
        if result.count == scalars.count { return }
        if !result.isEmpty { result[result.count - 1].change = -removed }
        transform(result, removedAtStart: removedAtStart)
    }

    mutating func map(_ change: (UInt32) -> UInt32) {
        transform(bytes.scalars.map { (change($0), 0) })
    }

    /// Puts a text before it, which comes from where its first character does.
    mutating func prepend(_ text: [UInt8]) {
        guard !bytes.isEmpty else { return }
        bytes.insert(contentsOf: text, at: 0)
        if isAligned { spans.insert(contentsOf: repeatElement(spans[0], count: text.count), at: 0) }
    }

    /// Replaces the whole.
    /// - Parameter places: for each new byte, the old one from which it comes.
    mutating func replaceAll(_ new: [UInt8], from places: [Int32]) {
        if isAligned { spans = places.map { spans.isEmpty ? TextSpan(0, 0) : spans[min(max(0, Int($0)), spans.count - 1)] } }
        bytes = new
    }

    /// Puts a text in place of each of these ranges, which are in order; it comes from where their last byte did.
    mutating func replace(_ ranges: [Range<Int>], with content: [UInt8]) {
        if ranges.isEmpty { return }
        var newBytes: [UInt8] = []
        var newSpans: [TextSpan] = []
        newBytes.reserveCapacity(bytes.count + ranges.count * content.count)
        if isAligned { newSpans.reserveCapacity(bytes.count + ranges.count * content.count) }
        var place = 0
        for range in ranges {
            newBytes += bytes[place..<range.lowerBound]
            newBytes += content
            if isAligned {
                newSpans += spans[place..<range.lowerBound]
                newSpans += repeatElement(spans[range.upperBound - 1], count: content.count)
            }
            place = range.upperBound
        }
        newBytes += bytes[place...]
        if isAligned { newSpans += spans[place...] }
        (bytes, spans) = (newBytes, newSpans)
    }
}

extension UnsafeBufferPointer<UInt8> {
    var isASCII: Bool {
        var index = 0
        while index + 8 <= count {
            let word = UnsafeRawPointer(baseAddress! + index).loadUnaligned(as: UInt64.self)
            if word & 0x8080_8080_8080_8080 != 0 { return false }
            index += 8
        }
        while index < count {
            if self[index] >= 0x80 { return false }
            index += 1
        }
        return true
    }
}

extension [TextSpan] {
    /// Each byte of a text that nobody changed comes from its own character.
    mutating func appendIdentity(_ utf8: UnsafeBufferPointer<UInt8>, at place: Int) {
        reserveCapacity(count + utf8.count)
        var index = 0
        while index < utf8.count {
            let width = utf8[index] < 0x80 ? 1 : utf8.scalar(at: index).width
            let span = TextSpan(place + index, place + index + width)
            for _ in 0..<width { append(span) }
            index += width
        }
    }
}
