import Swage

/// The gradients of all parameters, in their layout, summed over the microbatches of a step.
///
/// Nothing is set to zero after a step: the first microbatch of the next one overwrites what is left. What is
/// added to piece by piece (embeddings, the output head, norms and biases) it clears first.
final class GradientSum {
    let buffer: FloatBuffer
    /// Whether a product of a layer adds to what is there, or overwrites it.
    private(set) var accumulates = false
    private let layout: ParameterLayout
    private let team: ThreadTeam

    var start: UnsafeMutablePointer<Float> { buffer.start }

    init(_ layout: ParameterLayout, team: ThreadTeam, holding buffer: FloatBuffer) {
        (self.layout, self.team, self.buffer) = (layout, team, buffer)
    }

    /// Makes ready for a backward pass.
    /// - Parameter accumulating: whether something is there to add to.
    func begin(accumulating: Bool) {
        accumulates = accumulating
        guard !accumulating else { return }
        for parameter in layout.parameters where layout.isSummedPiecewise(parameter) {
            team.split(parameter.count, granularity: 1 << 16) { _, part in
                (start + parameter.offset + part.lowerBound).update(repeating: 0, count: part.count)
            }
        }
    }

    /// A copy of everything that a loss pass can change before the last layer's backward pass begins, or of all.
    /// - Throws: ``TrainerError`` with code `tooLarge` if there is no memory for it.
    func backup(whole: Bool) throws -> () -> Void {
        let ranges = whole ? [0..<layout.count] : layout.outputRanges
        try MemoryBudget.require([ranges.reduce(0) { $0 + $1.count }], of: Float.self, for: "a copy of the gradients so far")
        let saved = ranges.map { Array(UnsafeBufferPointer(start: start + $0.lowerBound, count: $0.count)) }
        return { [self] in
            for (range, values) in zip(ranges, saved) {
                (start + range.lowerBound).update(from: values, count: values.count)
            }
        }
    }
}
