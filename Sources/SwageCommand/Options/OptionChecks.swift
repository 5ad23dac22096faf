import Swage
import SwageRecipes

// What values the groups of options may have, and which of them have an effect beside which others.

extension RunOptions {
    func check(_ given: GivenOptions) throws {
        try given.requireCount("steps", steps, most: GivenOptions.mostInARow)
        if let saveEvery { try given.requireCount("save-every", saveEvery, most: GivenOptions.mostInARow) }
        if let keepCheckpoints { try given.requireCount("keep-checkpoints", keepCheckpoints, most: GivenOptions.mostInARow) }
    }
}

extension OptimizerArguments {
    /// - Parameter steps: the step at which a schedule ends.
    func check(_ given: GivenOptions, steps: Int) throws {
        let options = options(totalSteps: steps)
        func require(_ fits: Bool, _ name: String, _ value: Double, _ expected: String) throws {
            try given.require(fits && value.isFinite, name, value, expected)
        }
        try require(options.learningRate >= 0, "learning-rate", options.learningRate, "0 or more")
        try require(0..<1 ~= options.beta1, "beta1", options.beta1, "0 or more, and less than 1")
        try require(0..<1 ~= options.beta2, "beta2", options.beta2, "0 or more, and less than 1")
        try require(options.epsilon > 0, "epsilon", options.epsilon, "more than 0")
        try require(options.weightDecay >= 0, "weight-decay", options.weightDecay, "0 or more")
        if let norm = options.maxGradientNorm { try require(norm >= 0, "max-gradient-norm", norm, "0 or more") }
        let (warmup, shape) = (options.schedule.warmupSteps, options.schedule.shape)
        try given.requireCount("warmup-steps", warmup, least: 0, most: GivenOptions.mostInARow)
        try given.require(
            warmup < steps || (shape == .constant && warmup == steps), "warmup-steps", warmup,
            "\(shape == .constant ? "at most" : "fewer than") the \(steps) of \(given.name(of: "steps"))")
    }

    /// Where `--steps` is the end of the schedule and nothing else.
    func checkEnd(_ given: GivenOptions) throws {
        try given.refuse(
            ["steps"], where: options(totalSteps: 1).schedule.shape == .constant, "on a constant schedule, which has no end",
            expected: "--schedule linear or cosine")
    }
}

extension DataOptions {
    func check(_ given: GivenOptions) throws {
        try given.requireCount("sequence-length", sequenceLength)
        try given.requireCount("batch-size", batchSize)
    }
}

extension RewardOptions {
    func check(_ given: GivenOptions) throws {
        try given.require(
            rewardTimeout > 0 && rewardTimeout <= 1e9, "reward-timeout", rewardTimeout, "more than 0, and at most 1e9 seconds")
        let names = try rewards(given).map(\.name)
        for (index, name) in names.enumerated() where names[..<index].contains(name) {
            throw UsageError("\(given.name(of: "reward")) has \(name) twice", expected: "it once, with the weight of both")
        }
    }

    /// The rewards that were named, with their weights.
    /// - Throws: ``UsageError`` for a name or a weight that is none.
    func rewards(_ given: GivenOptions? = nil) throws -> [Reward] {
        let place = given?.name(of: "reward") ?? "--reward"
        let names = Reward.stock.map(\.name)
        return try reward.map { text in
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0]).replacing("-", with: "_")
            guard let known = Reward.stock.first(where: { $0.name == name }) else {
                throw UsageError(
                    "\(place): there is no reward \(text)", expected: names.joined(separator: ", "), didYouMean: names.nearest(to: name))
            }
            guard let weight = parts.count == 1 ? 1 : Double(parts[1]), weight.isFinite else {
                throw UsageError("\(place): the weight of \(text) is no number", expected: "one such as \(name):0.1")
            }
            return known.weighted(weight).within(.seconds(rewardTimeout))
        }
    }
}

extension ProblemOptions {
    func check(_ given: GivenOptions) throws {
        switch (data.isEmpty, arithmetic) {
        case (true, nil): throw UsageError("no problems are given", expected: "--data or --arithmetic")
        case (false, _?):
            throw UsageError("\(given.name(of: "data")) and \(given.name(of: "arithmetic")) are both given", expected: "one of them, and not both")
        default: break
        }
        if let arithmetic { try given.require(1...8 ~= arithmetic, "arithmetic", arithmetic, "a difficulty from 1 to 8") }
        try given.refuse(
            ["held-out"], where: arithmetic != nil, "beside arithmetic, which holds out problems of its own", expected: "--data")
        try given.refuse(
            ["held-out-limit", "held-out-samples"], where: arithmetic == nil && heldOut.isEmpty,
            "without held-out problems", expected: "--held-out")
        try given.refuse(["skip-bad-lines", "map"], where: data.isEmpty, "where no rows are read", expected: "--data")
        try given.requireCount("held-out-limit", heldOutLimit, most: GivenOptions.mostInARow)
        try given.requireCount("held-out-samples", heldOutSamples)
        try rewardOptions.check(given)
    }
}

extension SamplingOptions {
    func check(_ given: GivenOptions) throws {
        try given.requireCount("max-tokens", maxTokens, most: GivenOptions.mostInARow)
        try given.require(temperature >= 0 && temperature.isFinite, "temperature", temperature, "0 or more")
        if let topK { try given.requireCount("top-k", topK, most: GivenOptions.mostInARow) }
        try given.require(topP > 0 && topP <= 1, "top-p", topP, "more than 0, and at most 1")
        try given.refuse(
            ["top-k", "top-p"], where: temperature == 0, "at a temperature of 0, which takes the likeliest token",
            expected: "a --temperature above 0")
    }
}

/// Makes sure that a limit of held-out data has held-out data.
func checkHeldOut(_ given: GivenOptions, isThere: Bool, limit: Int?) throws {
    try given.refuse(["held-out-limit"], where: !isThere, "without held-out data", expected: "--held-out")
    if let limit { try given.requireCount("held-out-limit", limit, most: GivenOptions.mostInARow) }
}
