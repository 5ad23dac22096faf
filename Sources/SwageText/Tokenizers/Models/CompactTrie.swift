/// Finds the longest of many spellings with which a text begins, in one look at memory for each byte (Aoe, 1989).
struct CompactTrie: Sendable {
    private struct Entry {
        /// Where the entries of its children are, once their byte is added.
        var base: Int32 = 0
        /// The entry that it is a child of; negative for one that is free.
        var parent: Int32 = -1
        /// The token that ends here; negative for none.
        var token: Int32 = -1
    }

    /// How many places are tried for the children of one node.
    private static let mostTries = 32

    private var entries = [Entry()]
    private var firstFree = 1

    /// - Parameter spellings: by token; one that is empty is none. No two are alike.
    init(_ spellings: [[UInt8]]) {
        let tokens = spellings.indices.filter { !spellings[$0].isEmpty }.sorted { spellings[$0].lexicographicallyPrecedes(spellings[$1]) }
        var waiting = [(entry: 0, tokens: tokens[...], depth: 0)]
        while let (entry, tokens, depth) = waiting.popLast() {
            var rest = tokens
            if depth > 0, let first = rest.first, spellings[first].count == depth {
                entries[entry].token = Int32(first)
                rest.removeFirst()
            }
            var children: [(byte: Int, tokens: ArraySlice<Int>)] = []
            while let first = rest.first {
                let byte = spellings[first][depth]
                let end = rest.firstIndex { spellings[$0][depth] != byte } ?? rest.endIndex
                children.append((Int(byte), rest[..<end]))
                rest = rest[end...]
            }
            if children.isEmpty { continue }
            let base = room(for: children.map(\.byte))
            entries[entry].base = Int32(base)
            for child in children { entries[base + child.byte].parent = Int32(entry) }
            for child in children.reversed() { waiting.append((base + child.byte, child.tokens, depth + 1)) }
        }
    }

    /// Where entries are free for these bytes, the least of which comes first.
    private mutating func room(for bytes: [Int]) -> Int {
        while firstFree < entries.count, entries[firstFree].parent >= 0 { firstFree += 1 }
        var place = firstFree
        var tries = 0
        while place < entries.count, tries < Self.mostTries {
            let base = place - bytes[0]
            if bytes.allSatisfy({ base + $0 >= entries.count || entries[base + $0].parent < 0 }) { break }
            place += 1
            tries += 1
        }
        // What is nearly full is not looked through again.
        if tries == Self.mostTries {
            firstFree += bytes.count == 1 ? Self.mostTries : 1
            place = entries.count
        }
        let base = place - bytes[0]
        let end = base + (bytes.last ?? 0) + 1
        if end > entries.count { entries += repeatElement(Entry(), count: end - entries.count) }
        return base
    }

    /// The longest token with which a text begins at a place; negative for none.
    @inline(__always)
    func longest(_ text: UnsafeBufferPointer<UInt8>, at start: Int) -> Int32 {
        entries.withUnsafeBufferPointer { entries in
            var node = 0
            var found: Int32 = -1
            var base = entries[0].base
            for index in start..<text.count {
                let place = Int(base) + Int(text[index])
                guard place > 0, place < entries.count else { break }
                let entry = entries[place]
                guard Int(entry.parent) == node else { break }
                if entry.token >= 0 { found = entry.token }
                (node, base) = (place, entry.base)
            }
            return found
        }
    }
}
