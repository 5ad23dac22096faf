/// A number as it is spelled, so that large integers keep their digits.
public struct JSONNumber: Hashable, Sendable {
    /// The number as JSON spells it.
    public let literal: String

    package init(literal: String) { self.literal = literal }

    /// Nil for a number with a point or an exponent, and for one that 64 bits do not hold.
    public var integer: Int? { Int(literal) }

    /// The nearest double; infinite where there is none.
    public var double: Double { Double(literal) ?? .nan }
}
