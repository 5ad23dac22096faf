/// Values by key, of which those that were asked for last are kept.
package struct BoundedCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry {
        var value: Value
        var size: Int
        var lastUse: Int
    }

    private let countLimit: Int
    private let sizeLimit: Int
    private var entries: [Key: Entry] = [:]
    private var uses = 0
    /// The sum of the sizes of what is kept.
    package private(set) var size = 0
    package var count: Int { entries.count }

    /// - Parameters:
    ///   - count: how many values are kept at most.
    ///   - size: how much they may take together, in the unit of ``value(for:size:make:)``.
    package init(count: Int, size: Int) { (countLimit, sizeLimit) = (count, size) }

    /// The value of a key, made if it is not there. One that is larger than all may be together is not kept.
    package mutating func value(for key: Key, size: (Value) -> Int, make: () throws -> Value) rethrows -> Value {
        uses += 1
        if let known = entries[key] {
            entries[key]!.lastUse = uses
            return known.value
        }
        let value = try make()
        let own = size(value)
        guard own <= sizeLimit else { return value }
        while entries.count >= countLimit || self.size + own > sizeLimit { removeOldest() }
        entries[key] = Entry(value: value, size: own, lastUse: uses)
        self.size += own
        return value
    }

    private mutating func removeOldest() {
        guard let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) else { return }
        size -= oldest.value.size
        entries[oldest.key] = nil
    }
}
