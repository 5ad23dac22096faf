import CSwageKernels
import Swage

/// Memory for numbers that live as long as the buffer: weights, gradients, activations.
final class FloatBuffer {
    private(set) var count: Int
    private(set) var start: UnsafeMutablePointer<Float>

    /// Where an empty buffer is.
    private static var nowhere: UnsafeMutablePointer<Float> { UnsafeMutablePointer(bitPattern: 64)! }

    /// A buffer that holds nothing yet.
    init() { (count, start) = (0, Self.nowhere) }

    /// Zeros, aligned to a cache line. The system gives memory to a large buffer as it is first touched, in huge pages
    /// where it has them.
    /// - Parameter purpose: what errors call it: "the gradients".
    /// - Throws: ``TrainerError`` with code `tooLarge` if there is no memory for so many.
    init(count: Int, for purpose: @autoclosure () -> String) throws {
        (self.count, start) = (0, Self.nowhere)
        try reserve(count, for: purpose())
    }

    deinit { release() }

    /// Makes room for `wanted` numbers; what the buffer holds is lost if it has to grow.
    /// - Throws: ``TrainerError`` with code `tooLarge` if there is no memory for them.
    func reserve(_ wanted: Int, for purpose: @autoclosure () -> String) throws {
        guard wanted > count else { return }
        try MemoryBudget.require([wanted - count], of: Float.self, for: purpose())
        release()
        guard let memory = swage_memory_reserve(wanted) else {
            let bytes = elementCount([wanted, MemoryLayout<Float>.stride]).map(MemoryBudget.describe) ?? "so many bytes"
            throw TrainerError(.tooLarge, "the system gives no \(bytes) for \(purpose())", expected: "less at once")
        }
        (count, start) = (wanted, memory)
    }

    private func release() {
        if count > 0 { swage_memory_release(start, count) }
        (count, start) = (0, Self.nowhere)
    }

    func clear() { start.update(repeating: 0, count: count) }

    /// Each holds what the other held.
    func exchange(with other: FloatBuffer) {
        (count, other.count) = (other.count, count)
        (start, other.start) = (other.start, start)
    }
}
