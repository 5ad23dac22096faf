import Swage

/// The scalars of a regular expression, put together where no set of it tells them apart: matching then goes by small numbers.
struct ScalarClasses: Sendable {
    static let maximumCount = 256

    let count: Int
    /// Which block of 256 classes the scalars of a page have.
    private let blocks: [UInt16]
    private let classes: [UInt8]
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
        var known: [Set<Int>: UInt8] = [:]
        var members: [Set<Int>] = []
        var current = Set<Int>()
        var flat = [UInt8](repeating: 0, count: 0x110000)
        var place = 0
        func number(_ current: Set<Int>) throws -> UInt8 {
            if let number = known[current] { return number }
            guard members.count < Self.maximumCount else {
                throw TrainerError(.unsupported, "a regular expression tells too many kinds of characters apart", expected: "at most \(Self.maximumCount)")
            }
            known[current] = UInt8(members.count)
            members.append(current)
            return UInt8(members.count - 1)
        }
        for border in borders + [(place: 0x110000, set: -1, begins: false)] {
            if Int(border.place) > place {
                let number = try number(current)
                flat.withUnsafeMutableBufferPointer { $0[place..<Int(border.place)].update(repeating: number) }
                place = Int(border.place)
            }
            if border.begins { current.insert(border.set) } else { current.remove(border.set) }
        }
        var blocks: [UInt16] = []
        var classes: [UInt8] = []
        var places: [ArraySlice<UInt8>: UInt16] = [:]
        for start in stride(from: 0, to: 0x110000, by: 256) {
            let page = flat[start..<start + 256]
            if let block = places[page] {
                blocks.append(block)
                continue
            }
            let block = UInt16(classes.count / 256)
            places[page] = block
            blocks.append(block)
            classes += page
        }
        (self.blocks, self.classes, count) = (blocks, classes, members.count)
        var masks = [UInt64](repeating: 0, count: sets.count * Self.wordsPerMask)
        for (number, sets) in members.enumerated() {
            for set in sets { masks[set * Self.wordsPerMask + number >> 6] |= 1 << UInt64(number & 63) }
        }
        self.masks = masks
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
