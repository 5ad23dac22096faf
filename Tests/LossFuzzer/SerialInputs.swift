import Swage

/// The inputs of programs as ``FuzzCase`` writes them.
struct SerialInputs: Decodable {
    private struct Values: Decodable {
        var shape: [Int]
        var values: [Double]
        var tensor: Tensor<Double> { get throws { try Tensor(values, shape: shape) } }
    }

    private var outputs: [String: Values]
    private var fields: [String: Values]
    private var segmentIDs: [Int32]?
    private var axes: [String: Int]

    var environment: LossProgram.Environment {
        get throws {
            let extents = LossExtents(
                batch: axes["batch"]!, sequence: axes["sequence"]!, vocabulary: axes["vocabulary"]!, hidden: axes["hidden"]!)
            var environment = LossProgram.Environment(extents: extents)
            for (name, values) in outputs { environment.outputs[ModelOutput(rawValue: name)!] = try values.tensor }
            for (name, values) in fields { environment.fields[name] = try values.tensor }
            environment.segmentIDs = try segmentIDs.map { try Tensor($0, shape: [extents.batch, extents.sequence]) }
            return environment
        }
    }
}
