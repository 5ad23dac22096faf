import Swage
import SwageNative

// MARK: First

/// Reward-weighted cross entropy that does not punish what the model is unsure about.
let confident = LossFunction("confident") { outputs, batch in
    let weight = stopGradient(exp(-outputs.entropy))
    return .mean(of: -outputs.logProbs * batch.targetWeights * weight, over: batch.targetMask)
        .reporting("weight", .mean(of: weight, over: batch.targetMask))
}

// MARK: Logits

/// Keeps the model from giving any token a logit far above the others (a margin on the largest).
func flat(limit: Double) -> LossFunction {
    LossFunction("flat") { outputs, batch in
        let top = outputs.logits.max(axis: -1)
        let typical = outputs.logits.logSumExp(axis: -1)
        let target = outputs.logits(at: batch.targetIDs)
        let loss = typical - target + 0.01 * square(relu(top - typical - limit))
        return .mean(of: loss, over: batch.targetMask)
    }
}

// MARK: Sequences

/// Every sequence counts the same, however long it is, and also where several share a row.
let perSequence = LossFunction("per_sequence") { outputs, batch in
    let length = maximum(batch.targetMask.segmentSum(), 1)
    return .mean(of: -outputs.logProbs, over: batch.targetMask / length)
}

// MARK: Inputs

/// Pulls the hidden states towards those of another model, which come with the batch.
let imitation = LossFunction("imitation") { outputs, batch in
    let wanted = batch["teacherStates", [.batch, .sequence, .hidden]]
    let distance = square(outputs.hiddenStates - wanted).mean(axis: -1)
    return .mean(of: distance, over: batch.targetMask)
}
