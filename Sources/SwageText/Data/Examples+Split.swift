import Swage

extension Examples {
    /// Two parts, of which the second is held out: drawn by a seed, each in the order of the whole. A row that comes several times, or is
    /// spelled as another one is, is on one side alone, and held out once.
    /// - Parameter share: how much is held out, above 0 and below 1; at least one row stays on either side.
    /// - Throws: ``TrainerError`` with code `invalidData` where there are not two rows.
    package func split(heldOut share: Double, seed: UInt64) throws -> (training: Examples, heldOut: Examples) {
        let first = firstPlaces()
        func place(of index: Int) -> Int { first[self.place(of: index)] ?? self.place(of: index) }
        let rows = Set((0..<count).map(place(of:))).sorted()
        guard rows.count > 1 else {
            throw TrainerError(.invalidData, "\(name) has \(rows.count) rows, of which none can be held out", expected: "two or more")
        }
        let size = min(max(1, Int((share * Double(rows.count)).rounded())), rows.count - 1)
        var generator = SeededGenerator(seed: seed, stream: 0)
        var drawn = Set(rows.shuffled(using: &generator).prefix(size))
        var training = keeping((0..<count).filter { !drawn.contains(place(of: $0)) })
        var heldOut = keeping((0..<count).filter { drawn.remove(place(of: $0)) != nil })
        // What was left out of the file is told once, with the part that is learned.
        training.report.rows -= count - training.count
        training.report.unseen = training.count
        heldOut.report = DataReport(path: "\(name), held out")
        (heldOut.report.rows, heldOut.report.unseen, heldOut.report.files) = (size, size, report.files)
        return (training, heldOut)
    }

    /// Notes which rows are spelled as rows of the training data are, so that what is measured with them is what was learned.
    package mutating func noteRows(alsoIn training: Examples) {
        guard case .files(let files) = store, case .files(let others) = training.store else { return }
        let known = Set((0..<training.count).lazy.map { others.hash(training.place(of: $0)) })
        let shared = (0..<count).filter { known.contains(files.hash(place(of: $0))) }
        if let first = shared.first { report.note("the row is in the training data as well", rows: shared.count, line: line(first)) }
    }

    /// For each row of files that is spelled as an earlier one is, where that one is.
    private func firstPlaces() -> [Int: Int] {
        guard case .files(let files) = store else { return [:] }
        var first: [Int: Int] = [:]
        var result: [Int: Int] = [:]
        for row in Set((0..<count).map { self.place(of: $0) }).sorted() {
            let hash = files.hash(row)
            if let earlier = first[hash] { result[row] = earlier } else { first[hash] = row }
        }
        return result
    }
}
