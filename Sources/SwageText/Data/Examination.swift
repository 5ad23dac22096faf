import Dispatch
package import Swage
import Synchronization

/// What an example turns out to be once it is tokenized.
package enum Examination<Use: Sendable>: Sendable {
    /// - Parameters:
    ///   - tokens: the positions that it takes.
    ///   - targets: how many of them count.
    ///   - beyond: the tokens that were cut off.
    ///   - notes: what a person may not expect of it.
    case used(Use, tokens: Int, targets: Int, beyond: Int, notes: [String] = [])
    /// Nothing of it can be used; says why, in a few words.
    case leftOut(String)
}

extension Examination<TargetedTokens> {
    /// Cuts an example at a limit of tokens. One that has no target by then is left out.
    package init(_ tokens: TargetedTokens, limit: Int) {
        let cut = tokens.cut(to: limit)
        if cut.hasTarget {
            self = .used(
                cut, tokens: cut.ids.count - 1, targets: cut.targetCount, beyond: tokens.ids.count - cut.ids.count, notes: tokens.notes)
        } else {
            self = .leftOut(tokens.hasTarget ? "nothing to learn within \(limit - 1) positions" : "nothing to learn")
        }
    }
}

extension Examples {
    /// Looks at examples as they will be used, on all cores.
    /// - Parameters:
    ///   - indices: those that are looked at; nil for all.
    ///   - progress: told from time to time how many have been looked at, and of how many. What it throws ends the look.
    ///   - examine: throws for an example that cannot be used. Where bad lines are skipped, it is left out.
    /// - Returns: the examples that can be used, and what became of all rows of the file.
    /// - Throws: ``TrainerError`` with code `invalidData`, naming file and line.
    package func examine<Use>(
        _ indices: [Int]? = nil, progress: @Sendable (Int, Int) throws -> Void = { _, _ in },
        _ examine: @Sendable (Example) throws -> Examination<Use>
    ) throws -> (uses: [(index: Int, use: Use)], report: DataReport) {
        var report = report
        let uses = try self.examine(indices ?? Array(0..<count), adding: &report, progress: progress, examine)
        return (uses, report)
    }

    /// Looks at more examples of a file, and adds to what is known of it.
    package func examine<Use>(
        _ indices: [Int], adding report: inout DataReport, isConcurrent: Bool = true, progress: @Sendable (Int, Int) throws -> Void = { _, _ in },
        _ examine: @Sendable (Example) throws -> Examination<Use>
    ) throws -> [(index: Int, use: Use)] {
        var uses: [(index: Int, use: Use)] = []
        // What is found of all examples at once would take more memory than the examples of a large file may.
        for begin in stride(from: 0, to: indices.count, by: Self.piece) {
            let part = indices[begin..<min(begin + Self.piece, indices.count)]
            for (index, outcome) in zip(part, outcomes(part, isConcurrent: isConcurrent, examine)) {
                switch outcome {
                case .success(let examination):
                    report.add(examination, line: line(index))
                    if case .used(let use, _, _, _, _) = examination { uses.append((index, use)) }
                case .failure(let error):
                    guard case .skip = badLines else { throw error.placed(at: place(index)) }
                    report.add(Examination<Use>.leftOut("\(error)"), line: line(index))
                }
            }
            try progress(part.endIndex, indices.count)
        }
        return uses
    }

    /// How many examples a thread takes at a time, and how many are looked at before what was found is counted.
    private static var chunk: Int { 64 }
    private static var piece: Int { 4096 }

    private func outcomes<Use>(
        _ indices: ArraySlice<Int>, isConcurrent: Bool, _ examine: @Sendable (Example) throws -> Examination<Use>
    ) -> [Result<Examination<Use>, TrainerError>] {
        @Sendable func outcome(_ index: Int) -> Result<Examination<Use>, TrainerError> {
            Result { try examine(self[index]) }.mapError { $0 as? TrainerError ?? TrainerError(.invalidData, $0.summary) }
        }
        guard isConcurrent else { return indices.map(outcome) }
        let chunks = Mutex([Int: [Result<Examination<Use>, TrainerError>]]())
        let count = (indices.count + Self.chunk - 1) / Self.chunk
        DispatchQueue.concurrentPerform(iterations: count) { number in
            let first = indices.startIndex + number * Self.chunk
            let outcomes = indices[first..<min(first + Self.chunk, indices.endIndex)].map(outcome)
            chunks.withLock { $0[number] = outcomes }
        }
        return chunks.withLock { chunks in (0..<count).flatMap { chunks[$0] ?? [] } }
    }
}

extension Examination {
    /// The same, without what is used.
    package var withoutUse: Examination<Void> {
        switch self {
        case .used(_, let tokens, let targets, let beyond, let notes):
            .used((), tokens: tokens, targets: targets, beyond: beyond, notes: notes)
        case .leftOut(let reason): .leftOut(reason)
        }
    }
}

extension TargetedTokens {
    /// The targets that a token before them can predict.
    package var targetCount: Int { isTarget.dropFirst().count { $0 } }
}
