#if Engines
import Foundation
import GRPCCore
import Swage
import SwiftProtobuf

extension ServiceProbe {
    /// A program in its serial form is taken with what it reports, and one that is not of that form is refused.
    func checkPrograms(_ batch: TextTrainBatch) async throws {
        let kind = connection.version < 2 ? "" : #", "kind": "sum""#
        let program = #"""
            {"format": "swage.loss", "version": 1, "name": "in its serial form", "nodes": [{"op": "output", "name": "logProbs"},
            {"op": "field", "name": "targetMask", "shape": ["batch", "sequence"]}, {"op": "multiply", "of": [0, 1]},
            {"op": "sumTo", "of": [2], "shape": []}, {"op": "sumTo", "of": [1], "shape": []}],
            "sum": 3, "denominator": 4, "metrics": [{"name": "count", "node": 4KIND}]}
            """#.replacingOccurrences(of: "KIND", with: kind)
        var request = try request(batch)
        request.loss = Data(program.utf8)
        let answer = try await forwardBackward(request)
        if connection.version >= 2 {
            try require(
                answer.reported["count"]?.kind == .sum(Double(batch.targetCount)),
                "ForwardBackward of a program with a metric \"count\" of the kind sum reports \(answer.reported.mapValues { $0.textFormatString().replacing("\n", with: " ") }), and \(batch.targetCount) "
                    + "was expected")
        }
        let changes = [
            ("version 2", #""version": 1"#, #""version": 2"#), ("another format", "swage.loss", "other.loss"),
            ("a key that there is not", #""version": 1"#, #""version": 1, "author": "me""#),
            ("a key of a node that there is not", #""of": [0, 1]"#, #""of": [0, 1], "comment": """#),
            ("a key of a metric that there is not", #""node": 4"#, #""node": 4, "comment": """#),
            ("a node that reads itself", #""of": [0, 1]"#, #""of": [2, 1]"#), ("an operation that there is not", "multiply", "median"),
            ("a sum that is no scalar", #""sum": 3"#, #""sum": 2"#), ("a denominator that is no node", #""denominator": 4"#, #""denominator": 9"#),
            ("no metrics", #""metrics""#, #""metric""#), ("no JSON", "{", "["),
        ]
        for (what, old, new) in changes {
            request.loss = Data(program.replacingOccurrences(of: old, with: new).utf8)
            try await expectRefusal(.invalidLoss, "ForwardBackward of a program with \(what)", request)
        }
        try await clearGradients()
    }

    /// Options of one step that no training could use.
    func checkOptimizerOptions(_ batch: TextTrainBatch) async throws {
        _ = try await forwardBackward(try request(batch))
        let good = Swage_V1_OptimizerOptions(OptimizerOptions(learningRate: 1e-3))
        let changes: [(String, (inout Swage_V1_OptimizerOptions) -> Void)] = [
            ("learning_rate -1", { $0.learningRate = -1 }), ("learning_rate NaN", { $0.learningRate = .nan }), ("beta1 1", { $0.beta1 = 1 }),
            ("beta2 -0.5", { $0.beta2 = -0.5 }), ("epsilon 0", { $0.epsilon = 0 }), ("weight_decay -1", { $0.weightDecay = -1 }),
            ("max_gradient_norm 0", { $0.maxGradientNorm = 0 }), ("the schedule \"steps\"", { $0.schedule = "steps" }),
        ]
        for (what, change) in changes {
            var bad = good
            change(&bad)
            try await expect(.invalidOption, "OptimStep with \(what)") { [bad] stub, metadata, options in
                _ = try await stub.optimStep(.with { $0.optimizer = bad }, metadata: metadata, options: options)
            }
        }
        try await clearGradients()
    }
}
#endif
