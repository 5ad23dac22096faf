import CSwageKernels
import Foundation
import Swage

/// The optimizer's memory and its step, over parameters that lie in one run of memory.
final class AdamW {
    /// The decaying mean of the gradients.
    let mean: FloatBuffer
    /// The decaying mean of their squares.
    let square: FloatBuffer
    private let layout: ParameterLayout
    private let team: ThreadTeam
    /// How many elements one call of a kernel handles; a fixed size keeps sums the same for any number of threads.
    private static let blockSize = 1 << 16

    init(_ layout: ParameterLayout, team: ThreadTeam) {
        self.layout = layout
        self.team = team
        mean = FloatBuffer(count: layout.count)
        square = FloatBuffer(count: layout.count)
    }

    func clear() {
        mean.clear()
        square.clear()
    }

    /// The global L2 norm of `gradients`.
    func norm(of gradients: FloatBuffer) -> Double {
        let blocks = (gradients.count + Self.blockSize - 1) / Self.blockSize
        let sums = [Double](unsafeUninitializedCapacity: blocks) { sums, count in
            let sums = sums
            team.split(blocks) { _, part in
                for block in part {
                    let begin = block * Self.blockSize
                    sums[block] = swage_sum_of_squares(
                        gradients.start + begin, min(Self.blockSize, gradients.count - begin))
                }
            }
            count = blocks
        }
        return sums.reduce(0, +).squareRoot()
    }

    /// Updates `parameters`.
    /// - Parameters:
    ///   - step: the number of this step, from 1 on.
    ///   - gradientScale: what gradients are multiplied by before they are used.
    func step(
        _ parameters: FloatBuffer, _ gradients: FloatBuffer, options: OptimizerOptions, learningRate: Double,
        step: Int, gradientScale: Double
    ) {
        let correction1 = 1 - pow(options.beta1, Double(step))
        let correction2 = 1 - pow(options.beta2, Double(step))
        let runs = runs
        team.run(jobs: runs.count) { [self] _, index in
            let run = runs[index]
            let begin = run.range.lowerBound
            swage_adamw(
                parameters.start + begin, gradients.start + begin, mean.start + begin, square.start + begin,
                run.range.count, Float(gradientScale), Float(learningRate), Float(options.beta1),
                Float(options.beta2), Float(options.epsilon), run.decays ? Float(options.weightDecay) : 0,
                Float(correction1), Float(correction2))
        }
    }

    /// The layout in runs of no more than a block that all decay or all do not.
    private lazy var runs: [(range: Range<Int>, decays: Bool)] = layout.parameters.flatMap { parameter in
        stride(from: parameter.offset, to: parameter.range.upperBound, by: 16 * Self.blockSize).map {
            ($0..<min($0 + 16 * Self.blockSize, parameter.range.upperBound), parameter.decays)
        }
    }
}
