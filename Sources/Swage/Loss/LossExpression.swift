/// A value inside a loss while the loss is being written.
///
/// It has no number yet: the closure runs once, on symbols, before there is a batch. Swift's `if` and `for` cannot look
/// into it; ``select(_:_:_:)`` chooses element by element.
///
/// Two values are combined element by element where they meet, as in NumPy: axes are aligned at the last one, a missing axis
/// and one of the fixed length 1 are repeated, and otherwise axes must be equal by name, whatever their lengths are. A number
/// meets every value, and must be finite. NaN in an operand gives NaN, unless something else is said. What does not fit is
/// noted in ``LossFunction/failure``, and thrown when the loss is first used.
public struct LossExpression {
    let trace: LossTrace
    let node: Int

    /// The axes, by name where they change from batch to batch.
    public var shape: LossShape { trace.program.nodes[node].shape }

    func applying(_ operation: String, _ others: LossExpression..., attributes: LossAttributes = .init()) -> LossExpression {
        using(operation, others, attributes)
    }

    /// The operation of that name, applied to this expression and others.
    package func using(
        _ operation: String, _ others: [LossExpression], _ attributes: LossAttributes = .init()
    ) -> LossExpression {
        if others.contains(where: { $0.trace !== trace }) { trace.fail("an expression of another loss was used") }
        let operands = [node] + others.map { $0.trace === trace ? $0.node : node }
        return LossExpression(
            trace: trace, node: trace.note(.init(operation: operation, operands: operands, attributes: attributes)))
    }

    func constant(_ value: Double) -> LossExpression {
        LossExpression(
            trace: trace,
            node: trace.note(.init(operation: LossProgram.Node.constantLeaf, attributes: .init(value: value))))
    }

    /// An axis counted from the first, or with a negative number from behind the last.
    func axis(_ axis: Int) -> LossAttributes { LossAttributes(axis: axis < 0 ? shape.count + axis : axis) }
}

// MARK: Arithmetic

/// Each element with the other sign.
public prefix func - (x: LossExpression) -> LossExpression { x.applying("negate") }
/// x + y where the two meet.
public func + (x: LossExpression, y: LossExpression) -> LossExpression { x.applying("add", y) }
/// x − y where the two meet.
public func - (x: LossExpression, y: LossExpression) -> LossExpression { x.applying("subtract", y) }
/// x·y where the two meet. 0 times NaN or infinity is NaN: a mask does not hide what is not finite.
public func * (x: LossExpression, y: LossExpression) -> LossExpression { x.applying("multiply", y) }
/// x / y where the two meet: infinite by 0, and NaN for 0 / 0.
public func / (x: LossExpression, y: LossExpression) -> LossExpression { x.applying("divide", y) }

/// The number `y` added to each element.
public func + (x: LossExpression, y: Double) -> LossExpression { x + x.constant(y) }
/// The number `y` subtracted from each element.
public func - (x: LossExpression, y: Double) -> LossExpression { x - x.constant(y) }
/// Each element times the number `y`.
public func * (x: LossExpression, y: Double) -> LossExpression { x * x.constant(y) }
/// Each element divided by the number `y`: infinite by 0, and NaN for 0 / 0.
public func / (x: LossExpression, y: Double) -> LossExpression { x / x.constant(y) }
/// Each element added to the number `x`.
public func + (x: Double, y: LossExpression) -> LossExpression { y.constant(x) + y }
/// Each element subtracted from the number `x`.
public func - (x: Double, y: LossExpression) -> LossExpression { y.constant(x) - y }
/// The number `x` times each element.
public func * (x: Double, y: LossExpression) -> LossExpression { y.constant(x) * y }
/// The number `x` divided by each element: infinite by 0, and NaN for 0 / 0.
public func / (x: Double, y: LossExpression) -> LossExpression { y.constant(x) / y }

/// e to the power of each element; overflows to infinity.
public func exp(_ x: LossExpression) -> LossExpression { x.applying("exp") }
/// The natural logarithm of each element: −infinity of 0, NaN of less. At 0 the gradient is infinite, or NaN where a mask or
/// ``select(_:_:_:)`` makes that of the result 0: guard the operand, not the result.
public func log(_ x: LossExpression) -> LossExpression { x.applying("log") }
/// The square root of each element: NaN of less than 0. At 0 the gradient is infinite, or NaN where a mask or
/// ``select(_:_:_:)`` makes that of the result 0: guard the operand, not the result.
public func sqrt(_ x: LossExpression) -> LossExpression { x.applying("sqrt") }
/// The hyperbolic tangent of each element.
public func tanh(_ x: LossExpression) -> LossExpression { x.applying("tanh") }
/// 1 / (1 + e^−x), without overflow.
public func sigmoid(_ x: LossExpression) -> LossExpression { x.applying("sigmoid") }
/// log(1 + e^x), without overflow.
public func softplus(_ x: LossExpression) -> LossExpression { x.applying("softplus") }
/// log(sigmoid(x)), without underflow.
public func logSigmoid(_ x: LossExpression) -> LossExpression { -softplus(-x) }
/// The greater of each element and 0; at 0 the gradient is 0, where `maximum(x, 0)` lets half of it pass.
public func relu(_ x: LossExpression) -> LossExpression { x.applying("relu") }
/// The magnitude of each element; at 0 the gradient is 0.
public func abs(_ x: LossExpression) -> LossExpression { x.applying("abs") }
/// −1, 0 or 1, as an element is below 0, 0 or above it; NaN of NaN. No gradient passes.
public func sign(_ x: LossExpression) -> LossExpression { x.applying("sign") }
/// x·x, element by element.
public func square(_ x: LossExpression) -> LossExpression { x * x }
/// Each element to the power of a finite number, as C's `pow`: anything to the power of 0 is 1, with a gradient of 0; less than
/// 0 to a power that is not whole is NaN; 0 to a power below 0 is infinite.
public func pow(_ x: LossExpression, _ exponent: Double) -> LossExpression {
    x.applying("power", attributes: .init(value: exponent))
}

/// The lesser of two values; two equal ones share the gradient.
public func minimum(_ x: LossExpression, _ y: LossExpression) -> LossExpression { x.applying("minimum", y) }
/// The greater of two values; two equal ones share the gradient.
public func maximum(_ x: LossExpression, _ y: LossExpression) -> LossExpression { x.applying("maximum", y) }
/// The lesser of each element and the number `y`; where they are equal, half of the gradient passes.
public func minimum(_ x: LossExpression, _ y: Double) -> LossExpression { minimum(x, x.constant(y)) }
/// The greater of each element and the number `y`; where they are equal, half of the gradient passes.
public func maximum(_ x: LossExpression, _ y: Double) -> LossExpression { maximum(x, x.constant(y)) }
/// The lesser of the number `x` and each element; where they are equal, half of the gradient passes.
public func minimum(_ x: Double, _ y: LossExpression) -> LossExpression { minimum(y, x) }
/// The greater of the number `x` and each element; where they are equal, half of the gradient passes.
public func maximum(_ x: Double, _ y: LossExpression) -> LossExpression { maximum(y, x) }
/// `x` held within `bounds`, both of which must be finite; outside them the gradient is 0, and at them half of it passes. For
/// one bound alone there are `minimum` and `maximum`.
public func clip(_ x: LossExpression, _ bounds: ClosedRange<Double>) -> LossExpression {
    minimum(maximum(x, bounds.lowerBound), bounds.upperBound)
}

/// The value, as a constant: gradients do not pass.
public func stopGradient(_ x: LossExpression) -> LossExpression { x.applying("stopGradient") }

// MARK: Questions, answered by 1 or 0

infix operator .< : ComparisonPrecedence
infix operator .<= : ComparisonPrecedence
infix operator .> : ComparisonPrecedence
infix operator .>= : ComparisonPrecedence
infix operator .== : ComparisonPrecedence
infix operator .!= : ComparisonPrecedence

/// 1 where x < y, else 0, where the two meet; 0 where one is NaN. No gradient passes.
public func .< (x: LossExpression, y: LossExpression) -> LossExpression { x.applying("less", y) }
/// 1 where x ≤ y, else 0, where the two meet; 0 where one is NaN. No gradient passes.
public func .<= (x: LossExpression, y: LossExpression) -> LossExpression { x.applying("lessOrEqual", y) }
/// 1 where x > y, else 0, where the two meet; 0 where one is NaN. No gradient passes.
public func .> (x: LossExpression, y: LossExpression) -> LossExpression { x.applying("greater", y) }
/// 1 where x ≥ y, else 0, where the two meet; 0 where one is NaN. No gradient passes.
public func .>= (x: LossExpression, y: LossExpression) -> LossExpression { x.applying("greaterOrEqual", y) }
/// 1 where x = y, else 0, where the two meet; 0 where one is NaN. No gradient passes.
public func .== (x: LossExpression, y: LossExpression) -> LossExpression { x.applying("equal", y) }
/// 1 where x ≠ y, else 0, where the two meet; 1 where one is NaN. No gradient passes.
public func .!= (x: LossExpression, y: LossExpression) -> LossExpression { x.applying("notEqual", y) }
/// 1 where an element is less than the number `y`, else 0; 0 where it is NaN. No gradient passes.
public func .< (x: LossExpression, y: Double) -> LossExpression { x .< x.constant(y) }
/// 1 where an element is at most the number `y`, else 0; 0 where it is NaN. No gradient passes.
public func .<= (x: LossExpression, y: Double) -> LossExpression { x .<= x.constant(y) }
/// 1 where an element is greater than the number `y`, else 0; 0 where it is NaN. No gradient passes.
public func .> (x: LossExpression, y: Double) -> LossExpression { x .> x.constant(y) }
/// 1 where an element is at least the number `y`, else 0; 0 where it is NaN. No gradient passes.
public func .>= (x: LossExpression, y: Double) -> LossExpression { x .>= x.constant(y) }
/// 1 where an element equals the number `y`, else 0; 0 where it is NaN. No gradient passes.
public func .== (x: LossExpression, y: Double) -> LossExpression { x .== x.constant(y) }
/// 1 where an element does not equal the number `y`, else 0; 1 where it is NaN. No gradient passes.
public func .!= (x: LossExpression, y: Double) -> LossExpression { x .!= x.constant(y) }
/// 1 where the number `x` is less than an element, else 0; 0 where it is NaN. No gradient passes.
public func .< (x: Double, y: LossExpression) -> LossExpression { y .> x }
/// 1 where the number `x` is at most an element, else 0; 0 where it is NaN. No gradient passes.
public func .<= (x: Double, y: LossExpression) -> LossExpression { y .>= x }
/// 1 where the number `x` is greater than an element, else 0; 0 where it is NaN. No gradient passes.
public func .> (x: Double, y: LossExpression) -> LossExpression { y .< x }
/// 1 where the number `x` is at least an element, else 0; 0 where it is NaN. No gradient passes.
public func .>= (x: Double, y: LossExpression) -> LossExpression { y .<= x }
/// 1 where the number `x` equals an element, else 0; 0 where it is NaN. No gradient passes.
public func .== (x: Double, y: LossExpression) -> LossExpression { y .== x }
/// 1 where the number `x` does not equal an element, else 0; 1 where it is NaN. No gradient passes.
public func .!= (x: Double, y: LossExpression) -> LossExpression { y .!= x }
/// 1 where neither is 0, else 0, where the two meet; NaN is not 0. No gradient passes.
public func and(_ x: LossExpression, _ y: LossExpression) -> LossExpression { x.applying("and", y) }
/// 0 where both are 0, else 1, where the two meet; NaN is not 0. No gradient passes.
public func or(_ x: LossExpression, _ y: LossExpression) -> LossExpression { x.applying("or", y) }
/// 1 where an element is 0, else 0; NaN is not 0. No gradient passes.
public func not(_ x: LossExpression) -> LossExpression { x.applying("not") }

/// `x` where the condition is not 0, else `y`.
public func select(_ condition: LossExpression, _ x: LossExpression, _ y: LossExpression) -> LossExpression {
    condition.applying("select", x, y)
}

/// `x` where the condition is not 0, else the number `y`.
public func select(_ condition: LossExpression, _ x: LossExpression, _ y: Double) -> LossExpression {
    select(condition, x, condition.constant(y))
}
/// The number `x` where the condition is not 0, else `y`.
public func select(_ condition: LossExpression, _ x: Double, _ y: LossExpression) -> LossExpression {
    select(condition, condition.constant(x), y)
}
/// The number `x` where the condition is not 0, else the number `y`.
public func select(_ condition: LossExpression, _ x: Double, _ y: Double) -> LossExpression {
    select(condition, condition.constant(x), condition.constant(y))
}

extension LossExpression {
    /// `x` becomes x + y.
    public static func += (x: inout LossExpression, y: LossExpression) { x = x + y }
    /// `x` becomes x − y.
    public static func -= (x: inout LossExpression, y: LossExpression) { x = x - y }
    /// `x` becomes x·y.
    public static func *= (x: inout LossExpression, y: LossExpression) { x = x * y }
    /// `x` becomes x / y.
    public static func /= (x: inout LossExpression, y: LossExpression) { x = x / y }

    /// 1 where a value lies outside `bounds`, both of which must be finite, else 0; 0 where it is NaN. No gradient passes.
    public func isOutside(_ bounds: ClosedRange<Double>) -> LossExpression {
        or(self .< bounds.lowerBound, self .> bounds.upperBound)
    }
}
