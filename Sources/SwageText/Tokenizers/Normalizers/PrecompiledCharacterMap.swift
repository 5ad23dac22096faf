import Foundation
import Swage

/// SentencePiece's rules of normalization: a trie of texts, and what each becomes.
struct PrecompiledCharacterMap: Sendable {
    /// A double array (Aoe, 1989) as Darts-clone writes it.
    private let units: [UInt32]
    /// What texts become, each ended by a zero.
    private let results: [UInt8]

    /// - Throws: ``TrainerError`` with code `corruptFile`.
    init(_ bytes: [UInt8], file: String) throws {
        func corrupt(_ what: String) -> TrainerError {
            TrainerError(.corruptFile, "\(file): the precompiled map of characters \(what)", expected: "one that SentencePiece wrote")
        }
        guard bytes.count >= 4 else { throw corrupt("has \(bytes.count) bytes") }
        func number(_ place: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << UInt32(8 * $1) }
        }
        let size = Int(number(0))
        guard size % 4 == 0, size > 0, size <= bytes.count - 4 else {
            throw corrupt("says that \(size) of its \(bytes.count) bytes are a trie")
        }
        units = stride(from: 4, to: 4 + size, by: 4).map(number)
        results = Array(bytes[(4 + size)...])
        guard String(validating: results, as: UTF8.self) != nil else { throw corrupt("has results that are no UTF-8") }
    }

    /// The texts with which a text begins: how long each is, and where its result begins.
    @inline(__always)
    private func prefixes(_ text: UnsafeBufferPointer<UInt8>, _ body: (_ length: Int, _ result: Int) -> Bool) {
        func offset(_ unit: UInt32) -> Int { Int((unit >> 10) << ((unit & 1 << 9) >> 6)) }
        var node = offset(units[0])
        for (index, byte) in text.enumerated() {
            if byte == 0 { return }
            node ^= Int(byte)
            guard node < units.count else { return }
            let unit = units[node]
            guard unit & (1 << 31 | 0xFF) == UInt32(byte) else { return }
            node ^= offset(unit)
            if unit >> 8 & 1 == 1 {
                guard node < units.count else { return }
                if !body(index + 1, Int(units[node] & 0x7FFF_FFFF)) { return }
            }
        }
    }

    /// What begins at a place among the results; nil if that is within a character.
    private func result(at place: Int) -> ArraySlice<UInt8>? {
        guard place <= results.count else { return nil }
        let end = results[place...].firstIndex(of: 0) ?? results.count
        guard place == results.count || results[place] & 0xC0 != 0x80 else { return nil }
        return results[place..<end]
    }

    /// What the shortest known beginning of a text becomes, which is what `tokenizers` puts for all of it.
    func shortest(_ text: UnsafeBufferPointer<UInt8>) -> ArraySlice<UInt8>? {
        var found: ArraySlice<UInt8>?
        prefixes(text) { _, place in
            found = result(at: place)
            return false
        }
        return found
    }

    /// The longest known beginning of a text, and what it becomes, which is what llama.cpp puts for it.
    func longest(_ text: UnsafeBufferPointer<UInt8>) -> (length: Int, result: ArraySlice<UInt8>)? {
        var found: (length: Int, result: ArraySlice<UInt8>)?
        prefixes(text) { length, place in
            if let result = result(at: place) { found = (length, result) }
            return true
        }
        return found
    }

    func apply(to text: inout AlignedText) {
        var changes: [(scalar: UInt32, change: Int)] = []
        var isChanged = false
        func replace(_ oldCount: Int, _ new: ArraySlice<UInt8>) {
            isChanged = true
            let scalars = Array(new).scalars
            for scalar in scalars { changes.append((scalar, 0)) }
            let difference = scalars.count - oldCount
            if difference > 0 {
                for index in max(0, changes.count - difference)..<changes.count { changes[index].change = 1 }
            } else if difference < 0, !changes.isEmpty {
                changes[changes.count - 1].change += difference
            }
        }
        let scalars = text.bytes.scalars
        text.bytes.withUnsafeBufferPointer { utf8 in
            var (index, place) = (0, 0)
            for end in GraphemeClusters.shared.ends(scalars) {
                let count = end - index
                var endPlace = place
                for scalar in scalars[index..<end] { endPlace += UTF8.width(scalar) }
                let cluster = UnsafeBufferPointer(rebasing: utf8[place..<endPlace])
                if cluster.count < 6, let new = shortest(cluster) {
                    replace(count, new)
                } else {
                    for scalar in scalars[index..<end] {
                        let width = UTF8.width(scalar)
                        if let new = shortest(UnsafeBufferPointer(rebasing: utf8[place..<place + width])) {
                            replace(1, new)
                        } else {
                            changes.append((scalar, 0))
                        }
                        place += width
                    }
                }
                (index, place) = (end, endPlace)
            }
        }
        if isChanged { text.transform(changes) }
    }
}

extension UTF8 {
    /// How many bytes a scalar takes.
    @inline(__always)
    static func width(_ scalar: UInt32) -> Int { scalar < 0x80 ? 1 : scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4 }
}
