/// Finds all tokens with which a text begins.
struct PieceTrie: Sendable {
    private var children: [(key: UInt64, node: Int32)]
    private var mask: Int
    private var count = 1
    /// The token that a node ends; negative for none.
    private(set) var tokens: [Int32] = [-1]

    init(capacity: Int) {
        var size = 64
        while size < capacity * 2 { size *= 2 }
        children = Array(repeating: (.max, -1), count: size)
        mask = size - 1
    }

    /// Of two tokens that are spelled alike, the last counts.
    mutating func insert(_ bytes: UnsafeBufferPointer<UInt8>, _ token: Int32) {
        var node: Int32 = 0
        for byte in bytes {
            let key = UInt64(UInt32(bitPattern: node)) << 8 | UInt64(byte)
            var slot = Int(truncatingIfNeeded: key.mixed) & mask
            while children[slot].key != .max, children[slot].key != key { slot = (slot + 1) & mask }
            if children[slot].key == .max {
                children[slot] = (key, Int32(count))
                tokens.append(-1)
                count += 1
                node = Int32(count - 1)
                if count * 2 > children.count { grow() }
            } else {
                node = children[slot].node
            }
        }
        tokens[Int(node)] = token
    }

    private mutating func grow() {
        let old = children
        children = Array(repeating: (.max, -1), count: old.count * 2)
        mask = children.count - 1
        for child in old where child.key != .max {
            var slot = Int(truncatingIfNeeded: child.key.mixed) & mask
            while children[slot].key != .max { slot = (slot + 1) & mask }
            children[slot] = child
        }
    }

    /// The node after a byte; negative if no token goes on so.
    @inline(__always)
    func next(_ node: Int32, _ byte: UInt8) -> Int32 {
        children.withUnsafeBufferPointer { children in
            let key = UInt64(UInt32(bitPattern: node)) << 8 | UInt64(byte)
            var slot = Int(truncatingIfNeeded: key.mixed) & mask
            while true {
                let child = children[slot]
                if child.key == key { return child.node }
                if child.key == .max { return -1 }
                slot = (slot + 1) & mask
            }
        }
    }
}
