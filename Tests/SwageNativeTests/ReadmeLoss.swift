import Swage

let clipped = LossFunction("clipped-policy") { outputs, batch in
    let ratio = exp(outputs.logProbs - batch["samplerLogProbs"])
    let gain = minimum(ratio * batch.targetWeights, clip(ratio, 0.8...1.2) * batch.targetWeights)
    return .mean(of: -gain, over: batch.targetMask)
        .reporting("clip_fraction", .mean(of: ratio.isOutside(0.8...1.2), over: batch.targetMask))
}
