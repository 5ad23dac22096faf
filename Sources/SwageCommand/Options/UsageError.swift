import Swage

/// A command that is not understood: what was found and where, and what would be right.
package struct UsageError: Error, CustomStringConvertible {
    package let description: String

    init(_ found: String, expected: String? = nil, didYouMean nearest: String? = nil) {
        let text = found + (expected.map { "; expected \($0)" } ?? "") + (nearest.map { "; did you mean \($0)?" } ?? "")
        // What is quoted may have come from a file.
        description = TrainerError.readable(text, keepsLines: false)
    }
}

extension Sequence where Element == String {
    /// The word that is nearest to another, if it is near enough to have been meant.
    func nearest(to word: String) -> String? {
        let ranked = map { (word: $0, distance: distance(Array($0.lowercased()), Array(word.lowercased()))) }
        guard let best = ranked.min(by: { ($0.distance, $0.word) < ($1.distance, $1.word) }) else { return nil }
        return best.distance <= Swift.max(1, word.count / 3) ? best.word : nil
    }
}

/// How many letters have to be put in, taken out or changed, or exchanged with the next one, to make one word of another.
private func distance(_ first: [Character], _ second: [Character]) -> Int {
    var rows = [Array(0...second.count)]
    for (i, letter) in first.enumerated() {
        var row = [i + 1]
        for (j, other) in second.enumerated() {
            var best = Swift.min(rows[i][j + 1], row[j]) + 1
            best = Swift.min(best, rows[i][j] + (letter == other ? 0 : 1))
            if i > 0, j > 0, letter == second[j - 1], first[i - 1] == other { best = Swift.min(best, rows[i - 1][j - 1] + 1) }
            row.append(best)
        }
        rows.append(row)
    }
    return rows[first.count][second.count]
}
