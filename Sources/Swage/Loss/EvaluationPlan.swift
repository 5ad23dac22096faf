/// In which order a program's nodes are evaluated, and when a value is needed no more.
struct EvaluationPlan {
    /// The nodes to compute, each with those whose values nothing reads after it.
    private(set) var steps: [(node: Int, lastUsed: [Int])] = []

    /// - Parameters:
    ///   - wanted: the nodes whose values stay.
    ///   - isKnown: whether a node's value is there already.
    init(_ program: LossProgram, _ wanted: [Int], isKnown: (Int) -> Bool) {
        guard let last = wanted.max() else { return }
        var isNeeded = [Bool](repeating: false, count: last + 1)
        var stays = isNeeded
        for index in wanted { (isNeeded[index], stays[index]) = (true, true) }
        for index in stride(from: last, through: 0, by: -1) where isNeeded[index] {
            if isKnown(index) {
                isNeeded[index] = false
                continue
            }
            // Seen from behind, the first reader of a value is its last.
            var lastUsed: [Int] = []
            for operand in program.nodes[index].operands where !stays[operand] {
                if !isNeeded[operand] { lastUsed.append(operand) }
                isNeeded[operand] = true
            }
            for operand in program.nodes[index].operands { isNeeded[operand] = true }
            steps.append((index, lastUsed))
        }
        steps.reverse()
    }
}

extension LossProgram {
    /// The most elements that values take at once while `wanted` are evaluated, with what the operation at hand needs of
    /// its own, and what is known and read from outside not counted. Nil for more than can be counted.
    package func peakElementCount(of wanted: [Int], isKnown: (Int) -> Bool = { _ in false }, in extents: LossExtents) -> Int? {
        var (live, peak) = (0, 0)
        for (index, lastUsed) in EvaluationPlan(self, wanted, isKnown: isKnown).steps where !nodes[index].isLeaf {
            guard let size = elementCount(extents.resolve(nodes[index].shape)) else { return nil }
            let (sum, overflow) = live.addingReportingOverflow(size)
            guard !overflow else { return nil }
            live = sum
            peak = max(peak, live)
            for used in lastUsed where !nodes[used].isLeaf && !isKnown(used) {
                live -= elementCount(extents.resolve(nodes[used].shape)) ?? 0
            }
        }
        return peak
    }
}
