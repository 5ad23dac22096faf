import Swage

/// The seconds that a GRPO loss with a KL term costs for a batch of 1,024 tokens before an engine begins to work: with
/// `call` checked and found in a cache, with `trace` made anew.
func secondsOfCall(_ name: String) throws -> Double {
    let loss = LossFunction.grpo(klCoefficient: 0.1)
    let shape = [1, 1024]
    let batch = TextTrainBatch(
        inputIDs: Tensor(repeating: 1, shape: shape), targetIDs: Tensor(repeating: 1, shape: shape),
        lossInputs: [
            "samplerLogProbs": Tensor(repeating: -1, shape: shape),
            "referenceLogProbs": Tensor(repeating: -1, shape: shape),
        ])
    let cache = [loss.program: true]
    let outputs = Set(ModelOutput.allCases)
    let count = 2000
    let bodies: [String: () throws -> Void] = [
        "call": {
            try loss.validate(batch: batch, engineOutputs: outputs, vocabularySize: 49152, hiddenSize: 576)
            precondition(cache[loss.program] == true)
        },
        "trace": { precondition(LossFunction.grpo(klCoefficient: 0.1) == loss) },
    ]
    guard let body = bodies[name] else { fatalError("there is no \(name) among \(bodies.keys)") }
    let time = try ContinuousClock().measure { for _ in 0..<count { try body() } }
    return time / .seconds(1) / Double(count)
}
