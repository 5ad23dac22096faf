import Swage

extension Examples {
    /// Two parts, of which the second is held out: drawn by a seed, each in the order of the whole.
    /// - Parameter share: how much is held out, above 0 and below 1; at least one example stays on either side.
    /// - Throws: ``TrainerError`` with code `invalidData` where there are not two examples.
    package func split(heldOut share: Double, seed: UInt64) throws -> (training: Examples, heldOut: Examples) {
        guard count > 1 else {
            throw TrainerError(.invalidData, "\(name) has \(count) examples, of which none can be held out", expected: "two or more")
        }
        let size = min(max(1, Int((share * Double(count)).rounded())), count - 1)
        var generator = SeededGenerator(seed: seed, stream: 0)
        let drawn = Set((0..<count).shuffled(using: &generator).prefix(size))
        var training = keeping((0..<count).filter { !drawn.contains($0) })
        var heldOut = keeping((0..<count).filter(drawn.contains))
        // What was left out of the file is told once, with the part that is learned.
        training.report.rows -= size
        training.report.unseen -= size
        heldOut.report = DataReport(path: "\(name), held out")
        (heldOut.report.rows, heldOut.report.unseen, heldOut.report.files) = (size, size, report.files)
        return (training, heldOut)
    }
}
