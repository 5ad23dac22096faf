#if Engines
import Foundation
import GRPCCore
import Swage
import SwiftProtobuf

extension ServiceProbe {
    /// Tensors that are none, which no batch of Swift's can be.
    func checkTensors(_ batch: TextTrainBatch) async throws {
        let good = try request(batch)
        func changed(_ change: (inout Swage_V1_ForwardBackwardRequest) -> Void) -> Swage_V1_ForwardBackwardRequest {
            var copy = good
            change(&copy)
            return copy
        }
        let requests: [(String, TrainerError.Code, Swage_V1_ForwardBackwardRequest)] = [
            ("input_ids of type float32", .invalidShape, changed { $0.inputIds.type = .float32 }),
            ("input_ids of no type", .invalidShape, changed { $0.inputIds.type = .unspecified }),
            ("a target_mask of type int32", .invalidShape, changed { $0.targetMask.type = .int32 }),
            ("input_ids of four bytes more than their shape has", .invalidShape, changed { $0.inputIds.data += Data(count: 4) }),
            ("target_ids of four bytes less than their shape has", .invalidShape, changed { $0.targetIds.data.removeLast(4) }),
            ("input_ids of axes below 0", .invalidShape, changed { $0.inputIds.shape = $0.inputIds.shape.map { -$0 } }),
            ("no input_ids", .invalidBatch, changed { $0.clearInputIds() }),
            ("no target_ids", .invalidBatch, changed { $0.clearTargetIds() }),
            // A message that is too long is an error without this code.
            ("input_ids of 5 MiB, which are more than their shape has", .invalidShape, changed { $0.inputIds.data = Data(count: 5 << 20) }),
        ]
        for (what, code, request) in requests { try await expectRefusal(code, "ForwardBackward of \(what)", request) }
        var inputs = Swage_V1_ForwardRequest(ForwardInputs(logProbsOf: batch), id: "")
        inputs.outputs = ["thoughts"]
        try await expect(.invalidBatch, "Forward for the output \"thoughts\"") { [inputs] stub, metadata, options in
            try await stub.forward(inputs, metadata: metadata, options: options) { for try await _ in $0.messages {} }
        }
        inputs.outputs = ["logProbs"]
        inputs.inputIds.type = .float32
        try await expect(.invalidShape, "Forward of input_ids of type float32") { [inputs] stub, metadata, options in
            try await stub.forward(inputs, metadata: metadata, options: options) { for try await _ in $0.messages {} }
        }
    }
}
#endif
