import CSwageKernels

/// Memory for numbers that live as long as the buffer: weights, gradients, activations.
final class FloatBuffer {
    private(set) var count: Int
    private(set) var start: UnsafeMutablePointer<Float>

    /// Zeros, aligned to a cache line. The system gives memory to a large buffer as it is first touched, in huge pages
    /// where it has them.
    init(count: Int) {
        self.count = count
        start = swage_memory_reserve(count)
    }

    deinit { swage_memory_release(start, count) }

    /// Makes room for `wanted` numbers; what the buffer holds is lost if it has to grow.
    func reserve(_ wanted: Int) {
        guard wanted > count else { return }
        swage_memory_release(start, count)
        count = wanted
        start = swage_memory_reserve(wanted)
    }

    func clear() { start.update(repeating: 0, count: count) }

    func copy(from other: FloatBuffer) { start.update(from: other.start, count: count) }
}
