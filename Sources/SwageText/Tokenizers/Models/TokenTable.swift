import Swage

/// The spellings of a vocabulary, each with its id, in one stretch of memory.
struct TokenTable: Sendable {
    private var arena: [UInt8] = []
    /// By id, where its spelling lies; the length is negative for an id that has none.
    private var places: [(start: Int32, length: Int32)] = []
    /// Ids by the hash of their spelling; negative for free.
    private var slots: [Int32] = []
    private(set) var count = 0

    static let seed = UInt64.random(in: .min ... .max)

    /// - Parameters:
    ///   - arena: all spellings, one after the other.
    ///   - tokens: each token's id, and the end of its spelling, in the order of the spellings.
    ///   - what: what the error names.
    ///   - keepsLast: whether of two with one spelling the last is found by it; else that is an error.
    init(arena: [UInt8], tokens: [(id: Int32, end: Int32)], what: String, keepsLast: Bool = false) throws {
        let limit = Self.idLimit(tokens.count)
        let highest = Int(tokens.max { $0.id < $1.id }?.id ?? -1)
        guard highest < limit, tokens.allSatisfy({ $0.id >= 0 }) else {
            throw TrainerError(.corruptFile, "\(what): the ids go up to \(highest)", expected: "ids in 0..<\(limit) for \(tokens.count) tokens")
        }
        self.arena = arena
        places = Array(repeating: (0, -1), count: highest + 1)
        var capacity = 16
        while capacity < tokens.count * 2 { capacity *= 2 }
        slots = Array(repeating: -1, count: capacity)
        count = tokens.count
        var start: Int32 = 0
        for token in tokens {
            guard places[Int(token.id)].length < 0 else {
                throw TrainerError(.corruptFile, "\(what): the id \(token.id) is there twice", expected: "an id of its own for each")
            }
            places[Int(token.id)] = (start, token.end - start)
            start = token.end
        }
        for token in tokens {
            let (slot, isTaken) = withBytes(of: token.id) { self.slot(of: $0) }
            if isTaken, !keepsLast {
                throw TrainerError(
                    .corruptFile, "\(what): \"\(spelling(of: token.id) ?? "")\" is there twice", expected: "each token once")
            }
            slots[slot] = token.id
        }
    }

    /// A table by id must not be much larger than the tokens in it.
    static func idLimit(_ count: Int) -> Int { min(1 << 24, max(1 << 18, 4 * count)) }

    /// One more than the highest id.
    var idCount: Int { places.count }

    func id(of bytes: UnsafeBufferPointer<UInt8>) -> Int32? {
        let (slot, isTaken) = slot(of: bytes)
        return isTaken ? slots[slot] : nil
    }

    func id(of bytes: [UInt8]) -> Int32? { bytes.withUnsafeBufferPointer { id(of: $0) } }

    func id(of text: String) -> Int32? { id(of: Array(text.utf8)) }

    func bytes(of id: Int32) -> [UInt8]? {
        guard id >= 0, id < places.count, places[Int(id)].length >= 0 else { return nil }
        let place = places[Int(id)]
        return Array(arena[Int(place.start)..<Int(place.start + place.length)])
    }

    func spelling(of id: Int32) -> String? { bytes(of: id).map { String(decoding: $0, as: UTF8.self) } }

    func contains(_ id: Int32) -> Bool { id >= 0 && id < places.count && places[Int(id)].length >= 0 }

    /// The spelling of an id that has one.
    @inline(__always)
    func withBytes<Result>(of id: Int32, _ body: (UnsafeBufferPointer<UInt8>) throws -> Result) rethrows -> Result {
        let place = places[Int(id)]
        return try arena.withUnsafeBufferPointer {
            try body(UnsafeBufferPointer(rebasing: $0[Int(place.start)..<Int(place.start) + Int(max(place.length, 0))]))
        }
    }

    /// Where a spelling is, or would be put.
    @inline(__always)
    private func slot(of bytes: UnsafeBufferPointer<UInt8>) -> (Int, isTaken: Bool) {
        slots.withUnsafeBufferPointer { slots in
            arena.withUnsafeBufferPointer { arena in
                places.withUnsafeBufferPointer { places in
                    let mask = slots.count - 1
                    var slot = Int(truncatingIfNeeded: bytes.fastHash) & mask
                    while true {
                        let id = slots[slot]
                        if id < 0 { return (slot, false) }
                        let place = places[Int(id)]
                        if Int(place.length) == bytes.count, bytes.isSame(as: arena.baseAddress, at: Int(place.start)) { return (slot, true) }
                        slot = (slot + 1) & mask
                    }
                }
            }
        }
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// A hash that nobody can foresee, for it is mixed with a number of this process.
    @inline(__always)
    var fastHash: UInt64 {
        var hash = TokenTable.seed ^ UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15
        var index = 0
        guard let base = baseAddress else { return hash.mixed }
        let raw = UnsafeRawPointer(base)
        while index + 8 <= count {
            hash = (hash ^ raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)).mixed
            index += 8
        }
        var last: UInt64 = 0
        while index < count {
            last = last << 8 | UInt64(self[index])
            index += 1
        }
        return (hash ^ last).mixed
    }

    @inline(__always)
    func isSame(as other: UnsafePointer<UInt8>?, at start: Int) -> Bool {
        guard let other else { return isEmpty }
        var index = 0
        while index < count {
            if self[index] != other[start + index] { return false }
            index += 1
        }
        return true
    }
}

extension UInt64 {
    @inline(__always)
    var mixed: UInt64 {
        let (high, low) = (self ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
        return high ^ low
    }
}
