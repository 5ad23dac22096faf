extension LossFunction {
    /// Knowledge distillation (Hinton et al., 2015) from a teacher's logits: T² · KL(teacher ‖ student), both at
    /// temperature T. The batch's `lossInputs` have `teacherLogits`, `[batch, sequence, vocabulary]`.
    public static func distillation(temperature: Double = 1) -> LossFunction {
        LossFunction("distillation") { outputs, batch in
            let teacher = (batch["teacherLogits", [.batch, .sequence, .vocabulary]] / temperature).logSoftmax(axis: -1)
            let student = (outputs.logits / temperature).logSoftmax(axis: -1)
            let kl = (exp(teacher) * (teacher - student)).sum(axis: -1)
            return .mean(of: temperature * temperature * kl, over: batch.targetMask)
                .reporting("teacher_kl", .mean(of: kl, over: batch.targetMask))
                .reporting("tokens", batch.targetMask.sum())
        }
    }

    /// Knowledge distillation from a teacher's `k` likeliest tokens: the part of KL(teacher ‖ student) that they
    /// carry. The batch's `lossInputs` have `teacherIDs` and `teacherLogProbs`, `[batch, sequence, k]`.
    public static func distillation(topK k: Int) -> LossFunction {
        LossFunction("distillation_top_k") { outputs, batch in
            let shape: LossShape = [.batch, .sequence, .fixed(k)]
            let teacher = batch["teacherLogProbs", shape]
            let student = outputs.logProbs(of: batch["teacherIDs", shape])
            let kl = (exp(teacher) * (teacher - student)).sum(axis: -1)
            return .mean(of: kl, over: batch.targetMask)
                .reporting("teacher_mass", .mean(of: exp(teacher).sum(axis: -1), over: batch.targetMask))
                .reporting("tokens", batch.targetMask.sum())
        }
    }
}
