/// Which neighboring sequences begin alike, and are worth computing together.
enum SharedPrefixes {
    /// Shorter beginnings are not worth a segment of their own.
    private static let shortest = 8

    /// More sequences than this do not share one beginning: the time that is taken grows with the square of a run.
    private static let longestRun = 1024

    /// Divides the sequences into runs of neighbors, each with how many tokens its sequences share, so that as few
    /// tokens as possible are left to compute.
    static func runs(of sequences: [TokenSequence]) -> [(Range<Int>, prefix: Int)] {
        let count = sequences.count
        let alike = (0..<max(0, count - 1)).map { commonCount(sequences[$0].ids, sequences[$0 + 1].ids) }
        /// The most tokens that the sequences from an index on can save, and where the first run of them ends.
        var best = [(saved: Int, end: Int, prefix: Int)](repeating: (0, count, 0), count: count + 1)
        for begin in (0..<count).reversed() {
            best[begin] = (best[begin + 1].saved, begin + 1, 0)
            var shared = Int.max
            for end in begin + 2...max(begin + 2, min(count, begin + longestRun)) where end <= count {
                shared = min(shared, alike[end - 2])
                guard shared >= shortest else { break }
                let saved = shared * (end - begin - 1) + best[end].saved
                if saved > best[begin].saved { best[begin] = (saved, end, shared) }
            }
        }
        var runs: [(Range<Int>, prefix: Int)] = []
        var begin = 0
        while begin < count {
            runs.append((begin..<best[begin].end, best[begin].prefix))
            begin = best[begin].end
        }
        return runs
    }

    private static func commonCount(_ first: ArraySlice<Int32>, _ second: ArraySlice<Int32>) -> Int {
        zip(first, second).prefix { $0 == $1 }.count
    }
}
