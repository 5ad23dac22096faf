import Foundation
import Swage
import SwageNative
import TestSupport

/// One random loss, or a damaged one that still reads as a loss, with its values as this library computes them.
struct FuzzCase {
    let number: Int
    let loss: LossFunction
    private let environment: LossProgram.Environment
    private let value: Double
    private let metrics: [Double]
    /// Empty where they are not finite, or so large that rounding is all that is left of them.
    private let gradients: [ModelOutput: Tensor<Double>]

    /// What is wrong with this library alone: its evaluation in parts differs from that in one whole.
    private(set) var fault: String?

    /// - Parameter differentiates: whether gradients are asked for, which take most of the time on both sides.
    init(
        _ number: Int, _ loss: LossFunction, _ environment: LossProgram.Environment, differentiates: Bool, team: ThreadTeam
    ) throws {
        self.number = number
        self.loss = loss
        self.environment = environment
        let values = loss.program.evaluate([loss.program.sum] + loss.program.metrics.map(\.node), in: environment)
        value = values[0].scalars[0]
        metrics = values.dropFirst().map { $0.scalars[0] }
        let all = value.isFinite && differentiates ? loss.program.outputGradients(in: environment) : [:]
        let areSmall = all.values.allSatisfy { $0.scalars.allSatisfy { abs($0) < 1e6 } }
        gradients = areSmall ? all : [:]
        guard value.isFinite, differentiates, areSmall, let split = try SplitLoss(loss.program, environment, team: team) else { return }
        let difference = try split.difference(from: value, all)
        if difference > 1e-4 { fault = "in parts the loss differs by \(difference)" }
    }

    /// The line of the case: what another library needs to compute the same, and the values to compare with.
    func line() -> String {
        let program = Self.json(loss.program)
        let gradients = gradients.map { "\"\($0.rawValue)\":\(Self.json($1.scalars))" }.joined(separator: ",")
        let fault = fault.map { ",\"fault\":\"\($0)\"" } ?? ""
        return "{\"number\":\(number),\"program\":\(program),\"sum\":\(Self.json(value)),"
            + "\"metrics\":\(Self.json(metrics)),\"gradients\":{\(gradients)}\(fault)}"
    }

    static func line(_ environment: LossProgram.Environment) -> String {
        let extents = environment.extents
        let outputs = environment.outputs.map { "\"\($0.rawValue)\":\(json($1))" }.joined(separator: ",")
        let fields = environment.fields.map { "\"\($0)\":\(json($1))" }.joined(separator: ",")
        let segments = environment.segmentIDs.map { "\($0.scalars)" } ?? "null"
        return "{\"outputs\":{\(outputs)},\"fields\":{\(fields)},\"segmentIDs\":\(segments),\"axes\":{"
            + "\"batch\":\(extents.batch),\"sequence\":\(extents.sequence),\"vocabulary\":\(extents.vocabulary),"
            + "\"hidden\":\(extents.hidden),\"pairs\":\(extents.batch / 2)}}"
    }

    /// As the library's own serial form, and faster: it takes most of the fuzzer's time otherwise.
    private static func json(_ program: LossProgram) -> String {
        let nodes = program.nodes.map { node in
            let attributes = node.attributes
            var parts = ["\"op\":\"\(node.operation)\""]
            if !node.operands.isEmpty { parts.append("\"of\":\(node.operands)") }
            if let name = attributes.name { parts.append("\"name\":\"\(name)\"") }
            if let value = attributes.value { parts.append("\"value\":\(value)") }
            if let axis = attributes.axis { parts.append("\"axis\":\(axis)") }
            if let index = attributes.index { parts.append("\"index\":\(index)") }
            if let reverse = attributes.reverse { parts.append("\"reverse\":\(reverse)") }
            if let shape = attributes.shape { parts.append("\"shape\":[\(shape.map(json).joined(separator: ","))]") }
            return "{\(parts.joined(separator: ","))}"
        }
        let metrics = program.metrics.enumerated().map { "{\"name\":\"m\($0)\",\"node\":\($1.node),\"kind\":\"sum\"}" }
        return "{\"format\":\"swage.loss\",\"version\":1,\"name\":\"fuzzed\",\"nodes\":[\(nodes.joined(separator: ","))],"
            + "\"sum\":\(program.sum),\"denominator\":\(program.denominator),\"metrics\":[\(metrics.joined(separator: ","))]}"
    }

    private static func json(_ axis: LossAxis) -> String {
        if case .fixed(let extent) = axis { "\(extent)" } else { "\"\(axis)\"" }
    }

    private static func json(_ tensor: Tensor<Double>) -> String {
        "{\"shape\":\(tensor.shape),\"values\":\(json(tensor.scalars))}"
    }

    private static func json(_ numbers: [Double]) -> String { "[\(numbers.map(json).joined(separator: ","))]" }

    private static func json(_ number: Double) -> String {
        number.isNaN ? "NaN" : number.isInfinite ? (number > 0 ? "Infinity" : "-Infinity") : "\(number)"
    }
}
