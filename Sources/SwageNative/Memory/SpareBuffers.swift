import CSwageKernels
import Swage

/// Buffers of the parameters' size that a load has freed, for the next load, moments or gradients: the system clears every page
/// that it gives anew, and on a virtual machine that takes longer than to read the file that fills it.
///
/// The system may take the memory back meanwhile, where it needs some.
final class SpareBuffers {
    /// What one load reads: weights, two moments and gradients.
    private static let most = 4

    private let count: Int
    private let team: ThreadTeam
    private var buffers: [FloatBuffer] = []

    /// - Parameter count: how many numbers each holds.
    init(count: Int, team: ThreadTeam) { (self.count, self.team) = (count, team) }

    /// So many buffers of zeros, spare or new.
    /// - Parameter purpose: what errors call them: "the gradients".
    /// - Throws: ``TrainerError`` with code `tooLarge`, before any is taken, if there is no memory for the new ones.
    func take(_ number: Int = 1, for purpose: String) throws -> [FloatBuffer] {
        let reused = min(number, buffers.count)
        try MemoryBudget.require([number - reused, count], of: Float.self, for: purpose)
        let new = try (reused..<number).map { _ in try FloatBuffer(count: count, for: purpose) }
        let spare = Array(buffers.suffix(reused))
        buffers.removeLast(reused)
        for buffer in spare {
            team.split(count, granularity: 1 << 16) { _, part in
                (buffer.start + part.lowerBound).update(repeating: 0, count: part.count)
            }
        }
        return spare + new
    }

    /// Keeps a buffer that nobody reads any more.
    func keep(_ buffer: FloatBuffer) {
        guard buffers.count < Self.most, buffer.count == count else { return }
        swage_memory_offer(buffer.start, buffer.count)
        buffers.append(buffer)
    }
}
