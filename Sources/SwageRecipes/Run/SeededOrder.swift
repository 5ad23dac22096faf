import Swage

/// The order in which a run goes through data, again and again: shuffled anew for every pass.
struct SeededOrder {
    let count: Int
    /// Nil keeps the order as it is.
    let seed: UInt64?

    /// What comes at the place `number` of the endless order.
    func index(_ number: Int) -> Int {
        let (pass, place) = number.quotientAndRemainder(dividingBy: count)
        guard let seed else { return place }
        var generator = SeededGenerator(seed: seed, stream: UInt64(pass) + 1)
        return (0..<count).shuffled(using: &generator)[place]
    }

    /// What comes first, at most once each.
    func first(_ wanted: Int) -> [Int] {
        guard let seed else { return Array(0..<min(wanted, count)) }
        var generator = SeededGenerator(seed: seed, stream: 1)
        return Array((0..<count).shuffled(using: &generator).prefix(wanted))
    }
}
