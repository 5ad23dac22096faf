import Swage

/// The scalars of a regular expression, put together where no set of it tells them apart: matching then goes by small numbers.
struct ScalarClasses: Sendable {
    static let maximumCount = 256

    let count: Int
    /// Which block of 256 classes the scalars of a page have.
    private let blocks: [UInt16]
    private let classes: [UInt8]
    /// One scalar of each class.
    let representatives: [UInt32]
    /// For each set, one bit for each class.
    let masks: [UInt64]
    static let wordsPerMask = 4

    /// - Throws: ``TrainerError`` with code `unsupported` for more than 256 classes.
    init(_ sets: [ScalarSet]) throws {
        var borders: [(place: UInt32, set: Int, begins: Bool)] = []
        for (index, set) in sets.enumerated() {
            for range in set.ranges {
                borders.append((range.lowerBound, index, true))
                borders.append((range.upperBound, index, false))
            }
        }
        borders.sort { $0.place < $1.place }
        var known: [[UInt64]: UInt8] = [:]
        var members: [[UInt64]] = []
        var current = [UInt64](repeating: 0, count: sets.count / 64 + 1)
        var runs: [(end: Int, number: UInt8)] = []
        var representatives: [UInt32] = []
        var place: UInt32 = 0
        for border in borders + [(place: 0x110000, set: -1, begins: false)] {
            if border.place > place {
                var number = known[current]
                if number == nil {
                    guard members.count < Self.maximumCount else {
                        throw TrainerError(
                            .unsupported, "a regular expression tells too many kinds of characters apart",
                            expected: "at most \(Self.maximumCount)")
                    }
                    number = UInt8(members.count)
                    known[current] = number
                    members.append(current)
                    representatives.append(place)
                }
                runs.append((Int(border.place), number ?? 0))
                place = border.place
            }
            if border.set >= 0 { current[border.set / 64] ^= 1 << UInt64(border.set % 64) }
        }
        (blocks, classes) = Self.pages(runs)
        self.representatives = representatives
        count = members.count
        var masks = [UInt64](repeating: 0, count: sets.count * Self.wordsPerMask)
        for (number, mask) in members.enumerated() {
            for set in sets.indices where mask[set / 64] >> UInt64(set % 64) & 1 != 0 {
                masks[set * Self.wordsPerMask + number >> 6] |= 1 << UInt64(number & 63)
            }
        }
        self.masks = masks
    }

    /// Pages of 256 scalars, each of which is kept once.
    private static func pages(_ runs: [(end: Int, number: UInt8)]) -> (blocks: [UInt16], classes: [UInt8]) {
        var blocks: [UInt16] = []
        blocks.reserveCapacity(0x1100)
        var classes: [UInt8] = []
        var plain = [UInt16?](repeating: nil, count: maximumCount)
        var mixed: [[UInt8]: UInt16] = [:]
        var run = 0
        for start in stride(from: 0, to: 0x110000, by: 256) {
            while runs[run].end <= start { run += 1 }
            let next = UInt16(classes.count / 256)
            let number = runs[run].number
            if runs[run].end >= start + 256 {
                if plain[Int(number)] == nil {
                    plain[Int(number)] = next
                    classes += repeatElement(number, count: 256)
                }
                blocks.append(plain[Int(number)] ?? 0)
                continue
            }
            var page: [UInt8] = []
            page.reserveCapacity(256)
            while page.count < 256 {
                let end = min(runs[run].end, start + 256)
                page += repeatElement(runs[run].number, count: end - start - page.count)
                if end < start + 256 { run += 1 }
            }
            if let block = mixed[page] {
                blocks.append(block)
            } else {
                mixed[page] = next
                blocks.append(next)
                classes += page
            }
        }
        return (blocks, classes)
    }

    func number(of value: UInt32) -> UInt8 { classes[Int(blocks[Int(value >> 8)]) << 8 | Int(value & 255)] }

    /// The classes of a text's scalars, and where each of them begins; no places if all are ASCII.
    func read(_ utf8: UnsafeBufferPointer<UInt8>, classes result: inout [UInt8], places: inout [Int32]) {
        result.removeAll(keepingCapacity: true)
        places.removeAll(keepingCapacity: true)
        blocks.withUnsafeBufferPointer { blocks in
            classes.withUnsafeBufferPointer { classes in
                let ascii = Int(blocks[0]) << 8
                var index = 0
                result.reserveCapacity(utf8.count)
                while index < utf8.count, utf8[index] < 0x80 {
                    result.append(classes[ascii | Int(utf8[index])])
                    index += 1
                }
                if index == utf8.count { return }
                places.reserveCapacity(utf8.count + 1)
                for place in 0..<index { places.append(Int32(truncatingIfNeeded: place)) }
                while index < utf8.count {
                    let (value, width) = utf8.scalar(at: index)
                    places.append(Int32(truncatingIfNeeded: index))
                    result.append(classes[Int(blocks[Int(value >> 8)]) << 8 | Int(value & 255)])
                    index += width
                }
                places.append(Int32(truncatingIfNeeded: index))
            }
        }
    }
}
