import SwageRecipes
import Swage

extension SFTCommand: OptionChecking {
    func check(_ given: GivenOptions) throws {
        try runOptions.check(given)
        try optimizerOptions.check(given, steps: epochs == nil ? runOptions.steps : GivenOptions.mostInARow)
        try dataOptions.check(given)
        try given.requireCount("gradient-accumulation", gradientAccumulation)
        try checkHeldOut(given, isThere: !heldOut.isEmpty || validationSplit != nil, limit: heldOutLimit)
        try given.refuse(["validation-split"], where: !heldOut.isEmpty, "beside held-out data", expected: "one of them")
        if let validationSplit {
            try given.require(validationSplit > 0 && validationSplit < 1, "validation-split", validationSplit, "more than 0, and less than 1")
        }
        try given.refuse(["steps"], where: epochs != nil, "beside epochs", expected: "one of them")
        if let epochs { try given.requireCount("epochs", epochs, most: 1000) }
        try given.refuse(["seed"], where: !shuffle, "where nothing is shuffled", expected: "--shuffle")
        // That of a recipe for every engine is passed over in a line.
        try given.refuse(
            ["prompt"], where: modelOptions.engine == .titan && given.isTyped("prompt"), "on the engine titan, which does not write",
            expected: "another --engine")
    }
}

extension DPOCommand: OptionChecking {
    func check(_ given: GivenOptions) throws {
        try runOptions.check(given)
        try optimizerOptions.check(given, steps: runOptions.steps)
        try checkHeldOut(given, isThere: !heldOut.isEmpty, limit: heldOutLimit)
        try given.requireCount("pairs-per-step", pairsPerStep)
        try given.requireCount("microbatch", microbatch)
        try given.requireCount("sequence-length", sequenceLength)
        try given.require(beta > 0 && beta.isFinite, "beta", beta, "more than 0")
        try given.refuse(["seed"], where: !shuffle, "where nothing is shuffled", expected: "--shuffle")
    }
}

extension GRPOCommand: OptionChecking {
    func check(_ given: GivenOptions) throws {
        try runOptions.check(given)
        try optimizerOptions.check(given, steps: runOptions.steps)
        try problemOptions.check(given)
        try samplingOptions.check(given)
        try given.require(
            samplingOptions.temperature > 0, "temperature", samplingOptions.temperature,
            "more than 0, at which the answers of a group can differ")
        try given.require(samplingOptions.topK != 1, "top-k", 1, "2 or more, from which the answers of a group can differ")
        try given.require(
            problemOptions.rewardOptions.rewards(given).contains { $0.weight != 0 }, "reward", problemOptions.rewardOptions.reward.joined(separator: " "),
            "a weight other than 0")
        try given.requireCount("problems-per-rollout", problemsPerRollout)
        try given.require(groupSize >= 2, "group-size", groupSize, "2 or more, which can be compared")
        try given.requireCount("group-size", groupSize)
        try given.requireCount("updates-per-rollout", updatesPerRollout, most: GivenOptions.mostInARow)
        try given.requireCount("microbatch", microbatch)
        try given.requireCount("show-every", showEvery, least: 0, most: GivenOptions.mostInARow)
        if let importanceCap { try given.require(importanceCap > 0, "importance-cap", importanceCap, "more than 0") }
        for option in PolicyLoss.Option.allCases where !loss.reads(option) {
            try given.refuse(
                [option.rawValue], "on the loss \(loss.rawValue), which does not read it", expected: "--loss \(PolicyLoss.reading(option))")
        }
        try given.require(clipLow >= 0 && clipLow <= 1, "clip-low", clipLow, "0 to 1")
        try given.require(clipHigh >= 0 && clipHigh.isFinite, "clip-high", clipHigh, "0 or more")
        try given.require(klCoefficient >= 0 && klCoefficient.isFinite, "kl-coefficient", klCoefficient, "0 or more")
        try given.refuse(
            ["clip-low", "clip-high", "importance-cap"], where: learnsFromItsOwnWeights,
            "on one update a rollout, which is by the weights that wrote it: no probability has changed",
            expected: "--updates-per-rollout 2 or more, or --async")
    }

    /// Whether each rollout is learned from once, by the very weights that have written it.
    private var learnsFromItsOwnWeights: Bool {
        let hasSamplerOfItsOwn = modelOptions.engine == .titan || (modelOptions.engine == .remote && modelOptions.model != nil)
        return updatesPerRollout == 1 && !self.async && !hasSamplerOfItsOwn
    }
}

extension EvaluateCommand: OptionChecking {
    func check(_ given: GivenOptions) throws {
        let asks = !problems.isEmpty || arithmetic != nil
        guard !data.isEmpty || asks else {
            throw UsageError("nothing is to be measured", expected: "--data, --problems or --arithmetic")
        }
        guard problems.isEmpty || arithmetic == nil else {
            throw UsageError("\(given.name(of: "problems")) and \(given.name(of: "arithmetic")) are both given", expected: "one of them")
        }
        try given.refuse(
            ["samples", "pass-at", "reward", "reward-timeout", "max-tokens", "temperature", "top-k", "top-p", "stop", "concurrency"],
            where: !asks, "where no problems are asked", expected: "--problems or --arithmetic")
        try given.refuse(
            ["sequence-length", "batch-size", "loss-on"], where: data.isEmpty, "where no loss is measured", expected: "--data")
        try given.refuse(
            ["skip-bad-lines", "map"], where: data.isEmpty && problems.isEmpty, "where no rows are read", expected: "--data or --problems")
        try given.requireCount("samples", samples)
        try given.refuse(
            ["samples", "pass-at"], where: samples > 1 && samplingOptions.temperature == 0,
            "at a temperature of 0, where all answers to a problem are the same", expected: "a --temperature above 0")
        try given.refuse(
            ["samples", "pass-at"], where: samples > 1 && samplingOptions.topK == 1, "at a top-k of 1, where all answers to a problem are the same",
            expected: "a --top-k of 2 or more")
        let one = "on one answer to each problem, which is the likeliest"
        try given.refuse(
            ["top-k", "top-p"] + (samplingOptions.temperature == 0 ? [] : ["temperature"]), where: samples == 1, one,
            expected: "--samples 2 or more")
        try given.refuse(["seed"], where: arithmetic == nil && samples == 1, "where nothing is drawn", expected: "--samples 2 or more")
        try given.refuse(["restart"], where: output == nil, "where no folder is written", expected: "--output")
        if let limit { try given.requireCount("limit", limit, most: GivenOptions.mostInARow) }
        if let arithmetic { try given.require(1...8 ~= arithmetic, "arithmetic", arithmetic, "a difficulty from 1 to 8") }
        if let odd = passAt.first(where: { !(1...samples).contains($0) }) {
            throw UsageError("\(given.name(of: "pass-at")) is \(odd)", expected: "1 to \(samples), the number of samples")
        }
        try dataOptions.check(given)
        try samplingOptions.check(given)
        try rewardOptions.check(given)
        guard rewardOptions.reward.count == 1, !rewardOptions.reward[0].contains(":") else {
            throw UsageError(
                "\(given.name(of: "reward")) is \(rewardOptions.reward.joined(separator: " "))", expected: "one without a weight, which says what is right")
        }
    }
}

extension GenerateCommand: OptionChecking {
    func check(_ given: GivenOptions) throws {
        try SamplingOptions(maxTokens: maxTokens, temperature: temperature, topK: topK, topP: topP).check(given)
        try given.refuse(
            ["seed"], where: temperature == 0, "at a temperature of 0, which draws nothing", expected: "a --temperature above 0")
        try given.refuse(["seed", "top-p"], where: topK == 1, "at a top-k of 1, which draws nothing", expected: "a --top-k of 2 or more")
        try given.refuse(
            ["system", "chat-template"], where: raw, "on a raw prompt, which is no conversation", expected: "no --raw")
        try given.require(!prompt.isEmpty || !raw, "prompt", "empty", "a text to continue")
    }
}

extension ConformanceCommand: OptionChecking {
    func check(_ given: GivenOptions) throws {
        _ = try plan()
        try given.requireCount("time-limit", timeLimit, most: GivenOptions.mostInARow)
        try given.requireCount("steps", steps, most: GivenOptions.mostInARow)
        try optimizerOptions.check(given, steps: steps)
        try optimizerOptions.checkEnd(given)
    }
}

#if Engines
extension ServeCommand: OptionChecking {
    func check(_ given: GivenOptions) throws {
        try given.requireCount("steps", steps, most: GivenOptions.mostInARow)
        try optimizerOptions.check(given, steps: steps)
        try optimizerOptions.checkEnd(given)
    }
}
#endif
