import Swage

/// Which examples go into which row of which batch: drawn in a seeded order, by their lengths alone.
struct PackingSchedule: Sendable {
    private(set) var position: ExampleStream.Position
    let options: ExampleStream.Options
    /// How many examples there are.
    let count: Int

    private var order: (epoch: Int, indices: [Int])?
    /// The positions that those which wait take.
    private var lengths: [Int: Int] = [:]

    /// How many examples wait for a row, so that rows fill up well.
    private static let window = 32

    init(count: Int, options: ExampleStream.Options, from position: ExampleStream.Position) {
        (self.count, self.options, self.position) = (count, options, position)
    }

    /// The examples of the next batch, a list for each row; empty if none can be used.
    /// - Parameter length: the positions that an example takes, at most those of a row; nil for one that is passed over.
    mutating func next(_ length: (Int, _ epoch: Int) throws -> Int?) throws -> [[Int]] {
        try fillWindow(length)
        var rows = [(indices: [Int], room: Int)](repeating: ([], options.sequenceLength), count: options.rows)
        while let placement = choosePlacement(rows) {
            let index = position.waiting.remove(at: placement.waiting)
            rows[placement.row].indices.append(index)
            rows[placement.row].room -= lengths.removeValue(forKey: index) ?? 0
            try fillWindow(length)
        }
        return rows.map(\.indices).filter { !$0.isEmpty }
    }

    /// Draws examples until the window is full, or has one example for every row where rows are not shared.
    private mutating func fillWindow(_ length: (Int, _ epoch: Int) throws -> Int?) throws {
        let wanted = options.packing ? Self.window : options.rows
        for index in position.waiting where lengths[index] == nil { lengths[index] = try length(index, position.epoch) }
        var passedOver = 0
        while position.waiting.count < min(wanted, count), let index = drawIndex() {
            // A small data set comes round again while examples of the last epoch still wait.
            if lengths[index] != nil {
                position.drawn -= 1
                break
            }
            guard let taken = try length(index, position.epoch) else {
                passedOver += 1
                // Two passes of draws hold every example, wherever they began: the few that wait may be all that can be used.
                if passedOver >= 2 * count { break }
                continue
            }
            lengths[index] = taken
            position.waiting.append(index)
        }
    }

    /// The example that has waited longest goes first, so that none waits for ever; then whatever fills a row best.
    private func choosePlacement(_ rows: [(indices: [Int], room: Int)]) -> (waiting: Int, row: Int)? {
        guard options.packing else {
            return rows.firstIndex(where: \.indices.isEmpty).flatMap { position.waiting.isEmpty ? nil : (0, $0) }
        }
        if rows.allSatisfy(\.indices.isEmpty) { return position.waiting.isEmpty ? nil : (0, 0) }
        var best: (waiting: Int, row: Int, gap: Int)?
        for (waiting, index) in position.waiting.enumerated() {
            for (row, packed) in rows.enumerated() {
                let gap = packed.room - (lengths[index] ?? 0)
                if gap >= 0, gap < best?.gap ?? .max { best = (waiting, row, gap) }
            }
        }
        return best.map { ($0.waiting, $0.row) }
    }

    /// The next example of a pass, or the first of another one; nil behind the last pass.
    private mutating func drawIndex() -> Int? {
        if position.drawn == count {
            guard position.epoch + 1 != options.passes else { return nil }
            position.epoch += 1
            position.drawn = 0
        }
        if order?.epoch != position.epoch { order = (position.epoch, shuffledIndices()) }
        defer { position.drawn += 1 }
        return order!.indices[position.drawn]
    }

    private func shuffledIndices() -> [Int] {
        guard let seed = options.shuffleSeed else { return Array(0..<count) }
        var generator = SeededGenerator(seed: seed, stream: UInt64(position.epoch) + 1)
        return (0..<count).shuffled(using: &generator)
    }
}
