// What docs/BringYourOwnTrainer.md shows: another package's model, made a trainer by an application.
import BigramVendor
import Foundation
import Swage

// MARK: learning
extension Bigram: @retroactive Trainer {
    public func forwardBackward(_ batch: TextTrainBatch, loss: LossFunction?) throws -> ForwardBackwardResult {
        try Task.checkCancellation()
        try batch.validate(vocabularySize: vocabulary)
        guard loss == nil || loss == .crossEntropy else {
            throw TrainerError(.invalidLoss, "a bigram model cannot learn from \(loss!.name)", expected: "cross_entropy")
        }
        let examples = batch.inputIDs.scalars.indices.filter { batch.targetMask?.scalars[$0] != 0 }.map { index in
            (
                token: Int(batch.inputIDs.scalars[index]), next: Int(batch.targetIDs.scalars[index]),
                weight: Double(batch.targetWeights?.scalars[index] ?? 1)
            )
        }
        let sum = learn(examples)
        return ForwardBackwardResult(
            sum: sum, denominator: Double(examples.count), metrics: ["tokens": .sum(Double(examples.count))])
    }

    public func optimStep(_ optimizer: OptimizerOptions?) throws -> OptimStepResult {
        guard optimizer == nil else { throw TrainerError(.unsupported, "there is no optimizer of one step") }
        guard state.passes > 0 else {
            throw TrainerError(.nothingAccumulated, "there are no gradients", expected: "forwardBackward first")
        }
        guard norm.isFinite else { throw TrainerError(.nonFinite, "the gradient norm is \(norm)") }
        defer { update() }
        return OptimStepResult(
            step: state.updates + 1, learningRate: rate, accumulatedMicrobatches: state.passes, gradientNorm: norm)
    }

    public func clearGradients() { forget() }
}

// MARK: asking
extension Bigram {
    public func forward(_ inputs: ForwardInputs) throws -> ForwardOutputs {
        try inputs.validate(vocabularySize: vocabulary)
        guard inputs.outputs == [.logProbs], let targets = inputs.targetIDs else {
            throw TrainerError(.invalidBatch, "a bigram model gives log-probabilities alone", expected: "[.logProbs]")
        }
        let scores = zip(inputs.inputIDs.scalars, targets.scalars).enumerated().map { index, pair in
            inputs.targetMask?.scalars[index] == 0 ? 0 : Float(logProbs(after: Int(pair.0))[Int(pair.1)])
        }
        return ForwardOutputs(logProbs: try Tensor(scores, shape: inputs.inputIDs.shape))
    }

    public func config() -> TrainerConfig {
        TrainerConfig(
            modelName: "bigram", modelConfiguration: ["vocab_size": .integer(vocabulary)],
            parallelism: Parallelism(device: "cpu"), capabilities: Capabilities(outputs: [.logProbs], losses: ["cross_entropy"]))
    }

    public func status() -> TrainerStatus {
        TrainerStatus(step: state.updates, accumulatedMicrobatches: state.passes)
    }

    public func tokenizer() throws -> any Tokenizer {
        throw TrainerError(.unsupported, "a bigram model has no tokenizer")
    }
}

// MARK: checkpoints
extension Bigram {
    public func save(name: String?, path: String?, weightsOnly: Bool) throws -> SavedCheckpoint {
        guard name.map({ !$0.isEmpty && !$0.contains("/") && !$0.hasPrefix(".") }) ?? true else {
            throw TrainerError(.invalidOption, "the checkpoint name is \"\(name!)\"", expected: "a plain file name")
        }
        let numbered = path == nil ? "\(weightsOnly ? "weights-" : "")step-\(state.updates)" : nil
        let place = ([path ?? directory] + [name ?? numbered].compactMap { $0 }).joined(separator: "/")
        var content = state
        if weightsOnly {
            content.gradient = content.gradient.map { _ in 0 }
            (content.updates, content.passes, content.examples) = (0, 0, 0)
        }
        let (kind, other) = weightsOnly ? ("weights.json", "all.json") : ("all.json", "weights.json")
        let there = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
        guard Set(there).isSubset(of: [kind, other]) else {
            throw TrainerError(.notAllowed, "\(place) holds what this trainer has not written", expected: "another place")
        }
        // Written beside, and renamed: what can be seen there is whole.
        let data = try JSONEncoder().encode(content)
        if there.isEmpty {
            let beside = URL(fileURLWithPath: place).deletingLastPathComponent().path + "/.partial-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: beside, withIntermediateDirectories: true)
            try data.write(to: URL(fileURLWithPath: "\(beside)/\(kind)"))
            // An empty folder may be there; anything else has been looked for.
            rmdir(place)
            try FileManager.default.moveItem(atPath: beside, toPath: place)
        } else {
            try data.write(to: URL(fileURLWithPath: "\(place)/\(kind)"), options: .atomic)
            try? FileManager.default.removeItem(atPath: "\(place)/\(other)")
        }
        return SavedCheckpoint(path: place)
    }

    public func load(_ path: String?) throws -> LoadedCheckpoint {
        guard let path else { return try loadNewest() }
        for (kind, weightsOnly) in [("all.json", false), ("weights.json", true)] {
            guard let data = FileManager.default.contents(atPath: "\(path)/\(kind)") else { continue }
            guard let content = try? JSONDecoder().decode(State.self, from: data) else {
                throw TrainerError(.corruptFile, "\(path)/\(kind) cannot be read")
            }
            guard content.table.count == state.table.count else {
                throw TrainerError(.checkpointMismatch, "\(path) is of another vocabulary", expected: "\(vocabulary)")
            }
            restore(content)
            return LoadedCheckpoint(path: path, step: content.updates, weightsOnly: weightsOnly)
        }
        throw TrainerError(.checkpointNotFound, "there is no checkpoint at \(path)")
    }

    /// The newest full one that can be read.
    private func loadNewest() throws -> LoadedCheckpoint {
        let places = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        let dated = places.compactMap { name -> (path: String, date: Date)? in
            let attributes = try? FileManager.default.attributesOfItem(atPath: "\(directory)/\(name)/all.json")
            return (attributes?[.modificationDate] as? Date).map { ("\(directory)/\(name)", $0) }
        }
        for (path, _) in dated.sorted(by: { $0.date > $1.date }) {
            if let loaded = try? load(path) { return loaded }
        }
        throw TrainerError(.checkpointNotFound, "there is no checkpoint in \(directory)")
    }
}
