package import Swage

/// A row of a batch, into which examples go one after another.
///
/// An example of n tokens takes n − 1 positions: position t reads token t and predicts token t + 1.
package struct PackedRow: Sendable {
    private let capacity: Int
    private var inputs: [Int32] = []
    private var targets: [Int32] = []
    private var mask: [Float] = []
    private var segments: [Int32] = []
    private var segmentCount: Int32 = 0

    package init(capacity: Int) { self.capacity = capacity }

    /// Makes sure that batches of such rows can be had.
    /// - Throws: ``TrainerError`` with code `invalidOption` or `tooLarge`.
    package static func check(rows: Int, of length: Int, batches: Int = 1) throws {
        guard rows > 0, length > 0, batches > 0 else {
            throw TrainerError(
                .invalidOption, "\(batches) batches of \(rows) rows of \(length) positions", expected: "1 or more of each")
        }
        // Inputs, targets, mask and segments.
        try MemoryBudget.require([batches, rows, length], of: Int32.self, copies: 4, for: "the rows of a step")
    }

    package var isEmpty: Bool { inputs.isEmpty }
    /// The number of positions that are taken.
    package var count: Int { inputs.count }
    /// The number of free positions.
    package var room: Int { capacity - count }

    /// Appends an example that fits.
    package mutating func append(_ example: TargetedTokens) {
        precondition(example.ids.count - 1 <= room, "\(example.ids.count - 1) positions do not fit into \(room)")
        inputs += example.ids.dropLast()
        targets += example.ids.dropFirst()
        mask += example.isTarget.dropFirst().map { $0 ? 1 : 0 }
        segments += repeatElement(segmentCount, count: example.ids.count - 1)
        segmentCount += 1
    }

    /// The rows as a batch, padded to the longest of them. Padding is masked, and a segment of its own.
    package static func batch(_ rows: [PackedRow]) -> TextTrainBatch {
        let length = rows.map(\.count).max() ?? 0
        func tensor<Scalar>(_ padding: (PackedRow) -> Scalar, _ values: (PackedRow) -> [Scalar]) -> Tensor<Scalar> {
            let padded = rows.flatMap { row in
                values(row) + repeatElement(padding(row), count: length - row.count)
            }
            return Tensor(unchecked: padded, shape: [rows.count, length])
        }
        return TextTrainBatch(
            inputIDs: tensor({ _ in 0 }, \.inputs), targetIDs: tensor({ _ in 0 }, \.targets),
            targetMask: tensor({ _ in 0 }, \.mask), segmentIDs: tensor(\.segmentCount, \.segments))
    }
}

extension TargetedTokens {
    /// The first `limit` tokens.
    package func cut(to limit: Int) -> TargetedTokens {
        var cut = TargetedTokens(ids: Array(ids.prefix(limit)), isTarget: Array(isTarget.prefix(limit)), owners: Array(owners.prefix(limit)))
        cut.notes = notes
        return cut
    }

    /// Whether there is a target that a token before it can predict.
    package var hasTarget: Bool { isTarget.dropFirst().contains(true) }
}
