import SwageFiles
import Swage

/// What a loss takes of memory on a batch, beside the model's own pass.
struct LossMemory {
    private let loss: LossFunction
    private let derivative: LossDerivative
    private let extents: LossExtents
    private let threads: Int

    init(_ loss: LossFunction, _ derivative: LossDerivative, batch: TextTrainBatch, model: DecoderModel) {
        self.loss = loss
        self.derivative = derivative
        extents = LossExtents(
            batch: batch.inputIDs.shape[0], sequence: batch.inputIDs.shape[1],
            vocabulary: model.configuration.vocabularySize, hidden: model.hidden)
        threads = model.team.count
    }

    /// - Throws: ``TrainerError`` with code `tooLarge` if the loss needs more memory than there is.
    func check() throws {
        let bytes = elementCount.flatMap { Swage.elementCount([$0, MemoryLayout<Double>.stride]) }
        try MemoryBudget.require(bytes: bytes, for: "the loss \"\(loss.name)\" on a batch of \(extents.batch) × \(extents.sequence)")
    }

    /// The most numbers that are held at once; nil for more than can be counted.
    private var elementCount: Int? {
        let program = derivative.program
        let frontier = Set(derivative.frontier)
        let outer = [loss.program.roots, derivative.frontierGradients] + derivative.outputGradients.values.map { [$0] }
        let outerPeaks =
            outer.map { wanted in
                program.peakElementCount(of: wanted, isKnown: frontier.contains, in: extents)
            } + [program.peakElementCount(of: derivative.innerInputs, in: extents)]
        // Gradients of outputs are rounded to their engine's precision beside what they came from.
        let read = (0..<loss.program.nodes.count).filter { isReadWhole(loss.program.nodes[$0]) }
        let leaves = read.map { size(loss.program.nodes[$0].shape, extents) }
        let known = frontier.union(derivative.innerInputs).map { size(program.nodes[$0].shape, extents) }
        return sum([largest(outerPeaks), innerPeak, sum(leaves), sum(known), largest(leaves)])
    }

    /// What the inner part takes, on as many groups of positions as there are threads.
    private var innerPeak: Int? {
        guard !derivative.frontier.isEmpty else { return 0 }
        let group = InnerLoss.groupSize(vocabulary: extents.vocabulary)
        let small = LossExtents(
            batch: 1, sequence: min(group, extents.batch * extents.sequence), vocabulary: extents.vocabulary,
            hidden: extents.hidden)
        let program = derivative.program
        let isKnown = Set(derivative.innerInputs).union(derivative.frontierSeeds)
        let peaks = [derivative.frontier, derivative.logitsGradient.map { [$0] } ?? []].map { wanted in
            program.peakElementCount(of: wanted, isKnown: { isKnown.contains($0) }, in: small)
        }
        return largest(peaks).flatMap { Swage.elementCount([$0, threads]) }
    }

    /// Whether a leaf is held for all positions at once.
    private func isReadWhole(_ node: LossProgram.Node) -> Bool {
        guard let output = node.output else { return node.field != nil }
        return output != .logits || derivative.frontier.isEmpty
    }

    private func size(_ shape: LossShape, _ extents: LossExtents) -> Int? { Swage.elementCount(extents.resolve(shape)) }

    private func sum(_ counts: [Int?]) -> Int? {
        counts.reduce(0) { total, count in
            guard let total, let count else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(count)
            return overflow ? nil : sum
        }
    }

    private func largest(_ counts: [Int?]) -> Int? {
        counts.contains { $0 == nil } ? nil : counts.compactMap(\.self).max() ?? 0
    }
}
