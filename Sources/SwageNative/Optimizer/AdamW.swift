import CSwageKernels
import Foundation
import Swage

/// The optimizer's memory and its step, over parameters that lie in one run of memory.
final class AdamW {
    /// The decaying mean of the gradients.
    let mean: FloatBuffer
    /// The decaying mean of their squares.
    let square: FloatBuffer
    /// No element of the mean is larger; nil where the mean came from elsewhere.
    private var largestMean: Double?
    private let layout: ParameterLayout
    private let team: ThreadTeam
    /// How many elements one call of a kernel handles; a fixed size keeps sums the same for any number of threads.
    private static let blockSize = 1 << 16

    /// - Parameters:
    ///   - moments: the mean and the square: zeros, or those that another optimizer had.
    ///   - largestMean: what no element of the mean exceeds, if it is known.
    init(_ layout: ParameterLayout, team: ThreadTeam, moments: [FloatBuffer], largestMean: Double? = nil) {
        let (mean, square) = (moments[0], moments[1])
        (self.layout, self.team, self.mean, self.square, self.largestMean) = (layout, team, mean, square, largestMean)
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
    ///   - norm: the norm of the gradients after that.
    /// - Throws: ``TrainerError`` with code `nonFinite`, and changes nothing, if a parameter or a moment would be NaN or
    ///   infinite.
    func step(
        _ parameters: FloatBuffer, _ gradients: FloatBuffer, options: OptimizerOptions, learningRate: Double,
        step: Int, gradientScale: Double, norm: Double
    ) throws {
        let update = AdamWUpdate(options, learningRate: learningRate, step: step, gradientScale: gradientScale)
        let reached = max(largestMean ?? self.norm(of: mean), norm)
        if !update.staysFinite(largestMean: reached, largestGradient: norm) {
            try checkEveryElement(parameters, gradients, update, learningRate: learningRate, step: step)
        }
        largestMean = reached
        let runs = runs
        team.run(jobs: runs.count) { [self] _, index in
            let run = runs[index]
            let begin = run.range.lowerBound
            swage_adamw(
                parameters.start + begin, gradients.start + begin, mean.start + begin, square.start + begin,
                run.range.count, update.gradientScale, update.learningRate, update.beta1, update.beta2, update.epsilon,
                run.decays ? update.weightDecay : 0, update.correction1, update.correction2)
        }
    }

    /// Computes what a step would give, and throws if any of it is NaN or infinite.
    private func checkEveryElement(
        _ parameters: FloatBuffer, _ gradients: FloatBuffer, _ update: AdamWUpdate, learningRate: Double, step: Int
    ) throws {
        let runs = runs
        let areFinite = team.map(runs.count) { [self] index in
            let run = runs[index]
            let begin = run.range.lowerBound
            return swage_adamw_stays_finite(
                parameters.start + begin, gradients.start + begin, mean.start + begin, square.start + begin,
                run.range.count, update.gradientScale, update.learningRate, update.beta1, update.beta2, update.epsilon,
                run.decays ? update.weightDecay : 0, update.correction1, update.correction2)
        }
        if areFinite.allSatisfy({ $0 }) { return }
        throw TrainerError(
            .nonFinite, "step \(step) at the learning rate \(learningRate) would leave weights that are NaN or infinite, so it was not taken",
            expected: "a smaller learning rate, weight decay or gradient")
    }

    /// The layout in runs of no more than a block that all decay or all do not.
    private lazy var runs: [(range: Range<Int>, decays: Bool)] = layout.parameters.flatMap { parameter in
        stride(from: parameter.offset, to: parameter.range.upperBound, by: 16 * Self.blockSize).map {
            ($0..<min($0 + 16 * Self.blockSize, parameter.range.upperBound), parameter.decays)
        }
    }
}

/// The numbers of one update, as the kernel takes them.
struct AdamWUpdate {
    let gradientScale: Float
    let learningRate: Float
    let beta1: Float
    let beta2: Float
    let epsilon: Float
    let weightDecay: Float
    let correction1: Float
    let correction2: Float

    init(_ options: OptimizerOptions, learningRate: Double, step: Int, gradientScale: Double) {
        self.gradientScale = Float(gradientScale)
        self.learningRate = Float(learningRate)
        beta1 = Float(options.beta1)
        beta2 = Float(options.beta2)
        epsilon = Float(options.epsilon)
        weightDecay = Float(options.weightDecay)
        correction1 = Float(1 - pow(options.beta1, Double(step)))
        correction2 = Float(1 - pow(options.beta2, Double(step)))
    }

    /// Whether parameters and moments that are finite surely stay so; false where only a look at each can tell.
    ///
    /// A mean that decays stays within the largest of what it is a mean of. A parameter moves by at most
    /// rate · mean / epsilon, and where that is less than half the distance between the largest floats, not even the
    /// largest parameter reaches infinity, as long as decay does not make it larger.
    func staysFinite(largestMean: Double, largestGradient: Double) -> Bool {
        let halfDistance = Double(Float.greatestFiniteMagnitude.ulp) / 2
        let rate = Double(learningRate) / Double(correction1)
        let kept = 1 - learningRate * weightDecay
        return gradientScale.isFinite && (learningRate / correction1).isFinite && abs(kept) <= 1
            && largestGradient < 1e18
            && rate * largestMean / Double(epsilon) < halfDistance / 2
    }
}
