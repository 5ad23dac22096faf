/// Memory for numbers that live as long as the buffer: weights, gradients, activations.
final class FloatBuffer {
    let count: Int
    let start: UnsafeMutablePointer<Float>

    /// Zeros, aligned to a cache line.
    init(count: Int) {
        self.count = count
        let bytes = UnsafeMutableRawPointer.allocate(
            byteCount: max(1, count) * MemoryLayout<Float>.stride, alignment: 64)
        start = bytes.bindMemory(to: Float.self, capacity: max(1, count))
        start.initialize(repeating: 0, count: max(1, count))
    }

    deinit { start.deallocate() }

    func clear() { start.update(repeating: 0, count: count) }

    func copy(from other: FloatBuffer) { start.update(from: other.start, count: count) }
}
