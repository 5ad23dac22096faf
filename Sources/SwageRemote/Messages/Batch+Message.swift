#if Engines
import Foundation
package import Swage
import SwageText
import SwiftProtobuf

extension TextTrainBatch {
    /// How many bytes its tensors take.
    var byteCount: Int {
        let floats = [targetMask, targetWeights].compactMap(\.self) + lossInputs.values
        let integers = [inputIDs, targetIDs, segmentIDs].compactMap(\.self)
        return 4 * (floats.reduce(0) { $0 + $1.scalars.count } + integers.reduce(0) { $0 + $1.scalars.count })
    }
}

extension Swage_V1_ForwardBackwardRequest {
    /// - Parameter version: of the service, which the trainer speaks.
    package init(_ batch: TextTrainBatch, loss: LossFunction?, id: String, version: Int32) throws {
        self.init()
        requestID = id
        inputIds = batch.inputIDs.message
        targetIds = batch.targetIDs.message
        if let mask = batch.targetMask { targetMask = mask.message }
        if let weights = batch.targetWeights { targetWeights = weights.message }
        if let segments = batch.segmentIDs { segmentIds = segments.message }
        lossInputs = batch.lossInputs.mapValues(\.message)
        let encoder = JSONEncoder()
        encoder.userInfo[LossFunction.leavesOutKindsOfMetrics] = version < 2
        if let loss { self.loss = try encoder.encode(loss) }
    }

    /// - Throws: ``TrainerError`` if a tensor is not what its name says.
    func batch() throws -> TextTrainBatch {
        TextTrainBatch(
            inputIDs: try Tensor(hasInputIds ? inputIds : nil, "inputIDs"), targetIDs: try Tensor(hasTargetIds ? targetIds : nil, "targetIDs"),
            targetMask: hasTargetMask ? try Tensor(targetMask, "targetMask") : nil,
            targetWeights: hasTargetWeights ? try Tensor(targetWeights, "targetWeights") : nil,
            segmentIDs: hasSegmentIds ? try Tensor(segmentIds, "segmentIDs") : nil,
            lossInputs: try Dictionary(
                uniqueKeysWithValues: lossInputs.map { ($0, try Tensor($1, "lossInputs[\"\($0)\"]")) }))
    }

    /// - Throws: ``TrainerError`` with code `invalidLoss`.
    package func lossFunction() throws -> LossFunction? {
        if loss.isEmpty { return nil }
        let expected = "its serial form, in JSON, as docs/LossPrograms.md has it"
        guard loss.count <= LossFunction.maximumByteCount else {
            throw TrainerError(.invalidLoss, "the loss has \(loss.count) bytes", expected: "at most \(LossFunction.maximumByteCount)")
        }
        do {
            // What decodes it takes other encodings, and keys that come twice.
            let value = try JSONValue(json: loss)
            guard value.hasNumbersOfDoublePrecision else {
                throw TrainerError(.invalidLoss, "the loss has a number that double precision does not hold", expected: expected)
            }
            return try JSONDecoder().decode(LossFunction.self, from: loss)
        } catch let error as TrainerError {
            guard error.code == .invalidData else { throw error }
            throw TrainerError(.invalidLoss, "the loss cannot be read: \(error.message)", expected: expected)
        } catch {
            throw TrainerError(.invalidLoss, "the loss cannot be read", expected: expected)
        }
    }
}

extension JSONValue {
    /// Whether all numbers in it are finite.
    fileprivate var hasNumbersOfDoublePrecision: Bool {
        switch self {
        case .number(let number): number.double.isFinite
        case .list(let list): list.allSatisfy(\.hasNumbersOfDoublePrecision)
        case .object(let object): object.members.allSatisfy { $0.value.hasNumbersOfDoublePrecision }
        case .null, .flag, .text: true
        }
    }
}

extension Swage_V1_ForwardRequest {
    init(_ inputs: ForwardInputs, id: String) {
        self.init()
        requestID = id
        inputIds = inputs.inputIDs.message
        if let targets = inputs.targetIDs { targetIds = targets.message }
        if let mask = inputs.targetMask { targetMask = mask.message }
        if let segments = inputs.segmentIDs { segmentIds = segments.message }
        outputs = inputs.outputs.map(\.rawValue).sorted()
    }

    /// - Throws: ``TrainerError`` if a tensor is not what its name says, or an output is not known.
    func inputs() throws -> ForwardInputs {
        ForwardInputs(
            inputIDs: try Tensor(hasInputIds ? inputIds : nil, "inputIDs"), targetIDs: hasTargetIds ? try Tensor(targetIds, "targetIDs") : nil,
            targetMask: hasTargetMask ? try Tensor(targetMask, "targetMask") : nil,
            segmentIDs: hasSegmentIds ? try Tensor(segmentIds, "segmentIDs") : nil,
            outputs: Set(
                try outputs.map { name in
                    guard let output = ModelOutput(rawValue: name) else {
                        throw TrainerError(
                            .invalidBatch, "forward was asked for \"\(name)\"",
                            expected: "any of \(ModelOutput.allCases.map(\.rawValue))")
                    }
                    return output
                }))
    }
}

extension ForwardInputs {
    /// How many bytes its tensors take.
    var byteCount: Int {
        let integers = [inputIDs, targetIDs, segmentIDs].compactMap(\.self)
        return 4 * (integers.reduce(targetMask?.scalars.count ?? 0) { $0 + $1.scalars.count })
    }
}

extension ForwardOutputs {
    /// The outputs that are there, by the names of ``Swage/ModelOutput``.
    var named: [(ModelOutput, Tensor<Float>)] {
        let all: [(ModelOutput, Tensor<Float>?)] = [
            (.logProbs, logProbs), (.entropy, entropy), (.logits, logits), (.hiddenStates, hiddenStates),
            (.outputHead, outputHead),
        ]
        return all.compactMap { name, tensor in tensor.map { (name, $0) } }
    }

    /// How many bytes they take.
    var byteCount: Int { named.reduce(0) { $0 + 4 * $1.1.scalars.count } }

    init(_ named: [ModelOutput: Tensor<Float>]) {
        self.init(
            logProbs: named[.logProbs], logits: named[.logits], entropy: named[.entropy],
            hiddenStates: named[.hiddenStates], outputHead: named[.outputHead])
    }
}

/// Puts the pieces of tensors together again.
struct TensorAssembly {
    private var shapes: [String: [Int]] = [:]
    private var bytes: [String: Data] = [:]

    mutating func append(_ piece: Swage_V1_TensorPiece) throws {
        let shape = try Tensor<Float>.shape(piece.shape, piece.name)
        guard shapes[piece.name] ?? shape == shape, piece.type == .float32 else {
            throw TrainerError(.engineFailed, "the pieces of \(piece.name) do not agree on its shape and type")
        }
        guard let size = elementCount(shape + [4]), bytes[piece.name, default: Data()].count <= size - piece.data.count else {
            throw TrainerError(.engineFailed, "the pieces of \(piece.name) are more than its shape \(shape) holds")
        }
        shapes[piece.name] = shape
        bytes[piece.name, default: Data()].append(piece.data)
    }

    func outputs() throws -> ForwardOutputs {
        var named: [ModelOutput: Tensor<Float>] = [:]
        for (name, shape) in shapes {
            guard let output = ModelOutput(rawValue: name) else { continue }
            named[output] = try Tensor(
                .with {
                    $0.type = .float32
                    $0.shape = shape.map(Int64.init)
                    $0.data = bytes[name]!
                }, name)
        }
        return ForwardOutputs(named)
    }
}
#endif
