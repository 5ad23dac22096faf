import Foundation
import Swage
import SwageFiles
import SwageText

/// Pairs as tokens, with a reference model's log-probabilities of them, computed once.
struct PreferenceSet: Sendable {
    /// The chosen and the rejected completion of each pair, with their reference log-probabilities.
    private(set) var pairs: [[Trajectory]]
    /// What became of the data.
    let report: DataReport
    /// Where the reference log-probabilities are kept.
    private let cache: String

    /// A larger file is looked at as far as it is wanted.
    private static let bytesAtOnce = 100 << 20

    /// - Parameters:
    ///   - wanted: how many pairs are wanted; nil for all.
    ///   - seed: draws which they are, and in what order; nil takes the first.
    ///   - limit: the most tokens of a row.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` for a pair that cannot be used, or if none can.
    init(
        _ data: Examples<PreferencePair>, wanted: Int?, seed: UInt64?, tokenizer: any Tokenizer, limit: Int, cache: String
    ) throws {
        func order(_ count: Int) -> [Int] { SeededOrder(count: count, seed: seed).first(min(count, wanted ?? count)) }
        let isLarge = data.byteCount > Self.bytesAtOnce
        let (uses, report) = try data.examine(isLarge ? order(data.count) : nil) { try $0.examine(tokenizer, limit: limit) }
        guard !uses.isEmpty else { throw report.nothingToUse }
        pairs = (isLarge ? Array(uses.indices) : order(uses.count)).map { uses[$0].use.map(Trajectory.init) }
        (self.report, self.cache) = (report, cache)
    }

    var hasReference: Bool { pairs.allSatisfy { $0.allSatisfy { $0.referenceLogProbs != nil } } }

    /// Computes the reference log-probabilities and keeps them, for this run and for one that goes on with it.
    mutating func computeReference(
        _ reference: any Trainer, batch: Int, progress: (Int) -> Void
    ) async throws {
        for begin in stride(from: 0, to: pairs.count, by: batch) {
            let part = begin..<min(begin + batch, pairs.count)
            let logProbs = try await PolicyBatch.logProbs(pairs[part].flatMap { $0 }, by: reference)
            for (offset, index) in part.enumerated() {
                for side in 0..<2 { pairs[index][side].referenceLogProbs = logProbs[2 * offset + side] }
            }
            progress(part.upperBound)
        }
        let values = pairs.flatMap { $0.flatMap { $0.referenceLogProbs! } }
        try AtomicDirectory.replaceFile(cache, with: values.withUnsafeBytes { Data($0) })
    }

    /// Takes the reference log-probabilities that were computed before.
    /// - Throws: ``Swage/TrainerError`` with code `corruptFile` where they are missing or do not fit.
    mutating func readReference() throws {
        let data = (try? Data(contentsOf: URL(literalPath: cache))) ?? Data()
        let wanted = pairs.reduce(0) { $0 + $1.reduce(0) { $0 + $1.tokens.count } } * MemoryLayout<Float>.size
        guard data.count == wanted else {
            throw TrainerError(
                .corruptFile, "\(cache) has \(data.count) bytes", expected: "\(wanted): the reference of this run, or a restart")
        }
        let all = data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        if let odd = all.firstIndex(where: { !$0.isFinite }) {
            throw TrainerError(
                .corruptFile, "\(cache) cannot be right: number \(odd + 1) is \(all[odd])", expected: "the reference of this run, or a restart")
        }
        var values = all[...]
        for index in pairs.indices {
            for side in 0..<2 {
                let count = pairs[index][side].tokens.count
                pairs[index][side].referenceLogProbs = Array(values.prefix(count))
                values = values.dropFirst(count)
            }
        }
    }

    /// Some of the pairs as one batch: row 2i is a chosen completion, row 2i + 1 the rejected one.
    static func batch(_ pairs: some Collection<[Trajectory]>) -> TextTrainBatch {
        PolicyBatch.make(pairs.flatMap { $0 }, lossInputs: ["referenceLogProbs": { $0.referenceLogProbs ?? [] }])
    }
}

extension Trajectory {
    fileprivate init(_ tokens: TargetedTokens) {
        self.init(prompt: tokens.ids)
        isWritten = tokens.isTarget
    }
}
