import Foundation
public import Swage

/// One microbatch and the optimizer step after it, with what they have to come to: reference values of a model that no engine
/// here has.
///
/// A file of them is JSON lines. Each is an object of `input_ids`, `target_ids` (rows of numbers), and, if they are there,
/// `target_mask`, `target_weights`, `segment_ids`; and of the values: `log_probs`, those of the targets before the step, 0 where
/// the mask is; `loss`, the cross entropy; and `gradient_norm`, before it is clipped.
public struct ReferenceStep: Sendable {
    /// The microbatch; it is the only one of its step.
    public var batch: TextTrainBatch
    /// `[batch, sequence]`.
    public var logProbs: Tensor<Float>
    /// The cross entropy of the microbatch before the step: the mean over unmasked targets, in nats.
    public var loss: Double
    /// The L2 norm of the loss's gradient, before it is clipped.
    public var gradientNorm: Double

    /// Takes the values as they are: that `logProbs` has the shape of the batch, only ``read(contentsOfFile:)`` checks.
    public init(_ batch: TextTrainBatch, logProbs: Tensor<Float>, loss: Double, gradientNorm: Double) {
        (self.batch, self.logProbs, self.loss, self.gradientNorm) = (batch, logProbs, loss, gradientNorm)
    }

    /// Reads a file of reference values.
    /// - Throws: ``Swage/TrainerError`` with code `inputOutput` if the file cannot be read, and `invalidData` for a line that is
    ///   no step with its values, which it names, or for a file without a line.
    public static func read(contentsOfFile path: String) throws -> [ReferenceStep] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw TrainerError(.inputOutput, "\(path) cannot be read")
        }
        let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated().filter { !$1.isEmpty }
        let steps = try lines.map { index, line in
            do {
                let step = try JSONDecoder().decode(Line.self, from: Data(line)).step
                guard step.logProbs.shape == step.batch.inputIDs.shape else {
                    throw TrainerError(.invalidData, "log_probs has the shape \(step.logProbs.shape)", expected: "\(step.batch.inputIDs.shape)")
                }
                return step
            } catch DecodingError.keyNotFound(let key, _) {
                throw TrainerError(.invalidData, "\(path), line \(index + 1) has no \(key.stringValue)")
            } catch let error as TrainerError {
                throw TrainerError(.invalidData, "\(path), line \(index + 1): \(error.message)", expected: error.expected)
            } catch {
                throw TrainerError(
                    .invalidData, "\(path), line \(index + 1) is no step with its values",
                    expected: "an object of \(Line.CodingKeys.allCases.map(\.rawValue).joined(separator: ", "))")
            }
        }
        guard !steps.isEmpty else { throw TrainerError(.invalidData, "\(path) has no line", expected: "a step and its values in each") }
        return steps
    }

    private struct Line: Decodable {
        enum CodingKeys: String, CodingKey, CaseIterable {
            case inputIDs = "input_ids"
            case targetIDs = "target_ids"
            case targetMask = "target_mask"
            case targetWeights = "target_weights"
            case segmentIDs = "segment_ids"
            case logProbs = "log_probs"
            case loss
            case gradientNorm = "gradient_norm"
        }

        let step: ReferenceStep

        init(from decoder: any Decoder) throws {
            let all = try decoder.singleValueContainer().decode([String: AnyValue].self)
            if let unknown = all.keys.sorted().first(where: { CodingKeys(rawValue: $0) == nil }) {
                throw TrainerError(
                    .invalidData, "there is no key \"\(unknown)\"", expected: CodingKeys.allCases.map(\.rawValue).joined(separator: ", "))
            }
            let values = try decoder.container(keyedBy: CodingKeys.self)
            func rows<Scalar: Decodable>(_ key: CodingKeys) throws -> Tensor<Scalar>? {
                try values.decodeIfPresent([[Scalar]].self, forKey: key).map { try Tensor(rows: $0) }
            }
            func needed<Scalar: Decodable>(_ key: CodingKeys) throws -> Tensor<Scalar> {
                try Tensor(rows: try values.decode([[Scalar]].self, forKey: key))
            }
            step = ReferenceStep(
                TextTrainBatch(
                    inputIDs: try needed(.inputIDs), targetIDs: try needed(.targetIDs), targetMask: try rows(.targetMask),
                    targetWeights: try rows(.targetWeights), segmentIDs: try rows(.segmentIDs)),
                logProbs: try needed(.logProbs), loss: try values.decode(Double.self, forKey: .loss),
                gradientNorm: try values.decode(Double.self, forKey: .gradientNorm))
        }
    }

    /// Any value, of which nothing but its key counts.
    private struct AnyValue: Decodable {
        init(from decoder: any Decoder) {}
    }
}
