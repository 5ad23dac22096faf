/// A set of Unicode scalars, as ranges in order.
struct ScalarSet: Sendable, Equatable {
    static let all = ScalarSet([0..<0x110000])
    static let none = ScalarSet([])

    /// In order, apart from each other, and none of them empty.
    private(set) var ranges: [Range<UInt32>]

    init(_ ranges: [Range<UInt32>]) {
        var merged: [Range<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
            if let last = merged.last, last.upperBound >= range.lowerBound {
                merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        self.ranges = merged
    }

    init(_ scalars: some Sequence<Unicode.Scalar>) { self.init(scalars.map { $0.value..<$0.value + 1 }) }

    init(table: StaticString) { ranges = TableReader.ranges(table) }

    var isEmpty: Bool { ranges.isEmpty }

    var inverted: ScalarSet {
        var gaps: [Range<UInt32>] = []
        var place: UInt32 = 0
        for range in ranges {
            if place < range.lowerBound { gaps.append(place..<range.lowerBound) }
            place = range.upperBound
        }
        if place < 0x110000 { gaps.append(place..<0x110000) }
        return ScalarSet(gaps)
    }

    func union(_ other: ScalarSet) -> ScalarSet { ScalarSet(ranges + other.ranges) }

    func intersection(_ other: ScalarSet) -> ScalarSet { inverted.union(other.inverted).inverted }

    func subtracting(_ other: ScalarSet) -> ScalarSet { intersection(other.inverted) }

    func isDisjoint(with other: ScalarSet) -> Bool { intersection(other).isEmpty }

    func contains(_ value: UInt32) -> Bool {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound <= value { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(value)
    }
}
