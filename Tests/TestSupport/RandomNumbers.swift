import Swage

/// Random sizes and numbers of a seed.
package struct RandomNumbers {
    private var generator: SeededGenerator

    package init(seed: UInt64) { generator = SeededGenerator(seed: seed, stream: 1) }

    package mutating func size(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

    package mutating func doubles(_ count: Int) -> [Double] {
        (0..<count).map { _ in Double.random(in: -2...2, using: &generator) }
    }

    package mutating func shuffled<Element>(_ elements: [Element]) -> [Element] { elements.shuffled(using: &generator) }

    package mutating func tokens(_ count: Int, below limit: Int32) -> [Int32] {
        (0..<count).map { _ in Int32.random(in: 0..<limit, using: &generator) }
    }

    package mutating func floats(_ count: Int) -> [Float] { doubles(count).map { Float($0) } }
}
