import Swage

/// The same batch, written in other ways that must mean the same.
extension TextTrainBatch {
    /// Some of the rows.
    func rows(_ range: Range<Int>) throws -> TextTrainBatch {
        var copy = self
        copy.inputIDs = try inputIDs.mapRows { range.contains($0) ? $1 : nil }
        copy.targetIDs = try targetIDs.mapRows { range.contains($0) ? $1 : nil }
        copy.targetMask = try targetMask?.mapRows { range.contains($0) ? $1 : nil }
        copy.targetWeights = try targetWeights?.mapRows { range.contains($0) ? $1 : nil }
        return copy
    }

    func replacingMaskedTargets(with id: Int32) throws -> TextTrainBatch {
        var copy = self
        let mask = targetMask?.scalars ?? Array(repeating: 1, count: targetIDs.scalars.count)
        copy.targetIDs = try Tensor(zip(targetIDs.scalars, mask).map { $1 == 0 ? id : $0 }, shape: targetIDs.shape)
        return copy
    }

    /// Every row longer by `tokens`, `[rows, any]`, which the mask drops.
    func padded(with tokens: Tensor<Int32>) throws -> TextTrainBatch {
        try joined(with: tokens, before: false)
    }

    /// Behind every row's sequence another one, packed, from which nothing is learned.
    func followedByUnlearned(_ tokens: Tensor<Int32>) throws -> TextTrainBatch {
        var copy = try joined(with: tokens, before: false)
        // Numbers whose lower halves are one.
        copy.segmentIDs = try copy.segments(own: 3, ofOther: 3 + (1 << 16), from: inputIDs.shape[1])
        return copy
    }

    /// Before every row's sequence another one, packed, from which nothing is learned.
    func precededByUnlearned(_ tokens: Tensor<Int32>) throws -> TextTrainBatch {
        var copy = try joined(with: tokens, before: true)
        // Numbers that differ in all their 32 bits alone.
        copy.segmentIDs = try copy.segments(own: .max - 1, ofOther: .max, from: tokens.shape[1])
        return copy
    }

    /// All rows one after another in a single one, each a segment.
    func packedIntoOneRow() throws -> TextTrainBatch {
        let (rows, columns) = (inputIDs.shape[0], inputIDs.shape[1])
        func flat<Scalar>(_ tensor: Tensor<Scalar>) throws -> Tensor<Scalar> {
            try Tensor(tensor.scalars, shape: [1, rows * columns])
        }
        var copy = self
        copy.inputIDs = try flat(inputIDs)
        copy.targetIDs = try flat(targetIDs)
        copy.targetMask = try targetMask.map(flat)
        copy.targetWeights = try targetWeights.map(flat)
        copy.segmentIDs = try Tensor((0..<rows * columns).map { -3 - 2 * Int32($0 / columns) }, shape: [1, rows * columns])
        return copy
    }

    func weighing(_ weight: Float) -> TextTrainBatch {
        var copy = self
        copy.targetWeights = Tensor(repeating: weight, shape: inputIDs.shape)
        return copy
    }

    private func joined(with tokens: Tensor<Int32>, before: Bool) throws -> TextTrainBatch {
        func join<Scalar>(_ tensor: Tensor<Scalar>, _ other: (Int) -> [Scalar]) throws -> Tensor<Scalar> {
            try tensor.mapRows { before ? other($0) + $1 : $1 + other($0) }
        }
        let extra = tokens.shape[1]
        func row(_ index: Int) -> [Int32] { Array(tokens.scalars[index * extra..<(index + 1) * extra]) }
        let mask = targetMask ?? Tensor(repeating: 1, shape: inputIDs.shape)
        var copy = self
        copy.inputIDs = try join(inputIDs, row)
        copy.targetIDs = try join(targetIDs, row)
        copy.targetMask = try join(mask) { _ in Array(repeating: 0, count: extra) }
        copy.targetWeights = try targetWeights.map { try join($0) { _ in Array(repeating: 3, count: extra) } }
        return copy
    }

    private func segments(own first: Int32, ofOther second: Int32, from column: Int) throws -> Tensor<Int32> {
        try inputIDs.mapRows { _, row in row.indices.map { $0 < column ? first : second } }
    }
}

extension Tensor {
    /// The rows that `transform` returns, of a tensor of two axes.
    fileprivate func mapRows(_ transform: (Int, [Scalar]) -> [Scalar]?) throws -> Tensor {
        let columns = shape[1]
        return try Tensor(
            rows: (0..<shape[0]).compactMap { transform($0, Array(scalars[$0 * columns..<($0 + 1) * columns])) })
    }
}
