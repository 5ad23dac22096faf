/// A value inside a loss while the loss is being written.
///
/// It has no number yet: the closure runs once, on symbols, before there is a batch. Swift's `if` and `for` cannot look
/// into it; ``select(_:_:_:)`` chooses element by element.
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

public prefix func - (x: LossExpression) -> LossExpression { x.applying("negate") }
public func + (x: LossExpression, y: LossExpression) -> LossExpression { x.applying("add", y) }
public func - (x: LossExpression, y: LossExpression) -> LossExpression { x.applying("subtract", y) }
public func * (x: LossExpression, y: LossExpression) -> LossExpression { x.applying("multiply", y) }
public func / (x: LossExpression, y: LossExpression) -> LossExpression { x.applying("divide", y) }

public func + (x: LossExpression, y: Double) -> LossExpression { x + x.constant(y) }
public func - (x: LossExpression, y: Double) -> LossExpression { x - x.constant(y) }
public func * (x: LossExpression, y: Double) -> LossExpression { x * x.constant(y) }
public func / (x: LossExpression, y: Double) -> LossExpression { x / x.constant(y) }
public func + (x: Double, y: LossExpression) -> LossExpression { y.constant(x) + y }
public func - (x: Double, y: LossExpression) -> LossExpression { y.constant(x) - y }
public func * (x: Double, y: LossExpression) -> LossExpression { y.constant(x) * y }
public func / (x: Double, y: LossExpression) -> LossExpression { y.constant(x) / y }

public func exp(_ x: LossExpression) -> LossExpression { x.applying("exp") }
public func log(_ x: LossExpression) -> LossExpression { x.applying("log") }
public func sqrt(_ x: LossExpression) -> LossExpression { x.applying("sqrt") }
public func tanh(_ x: LossExpression) -> LossExpression { x.applying("tanh") }
public func sigmoid(_ x: LossExpression) -> LossExpression { x.applying("sigmoid") }
/// log(1 + e^x), without overflow.
public func softplus(_ x: LossExpression) -> LossExpression { x.applying("softplus") }
/// log(sigmoid(x)), without underflow.
public func logSigmoid(_ x: LossExpression) -> LossExpression { -softplus(-x) }
public func relu(_ x: LossExpression) -> LossExpression { x.applying("relu") }
public func abs(_ x: LossExpression) -> LossExpression { x.applying("abs") }
public func sign(_ x: LossExpression) -> LossExpression { x.applying("sign") }
public func square(_ x: LossExpression) -> LossExpression { x * x }
public func pow(_ x: LossExpression, _ exponent: Double) -> LossExpression {
    x.applying("power", attributes: .init(value: exponent))
}

/// The lesser of two values; two equal ones share the gradient.
public func minimum(_ x: LossExpression, _ y: LossExpression) -> LossExpression { x.applying("minimum", y) }
/// The greater of two values; two equal ones share the gradient.
public func maximum(_ x: LossExpression, _ y: LossExpression) -> LossExpression { x.applying("maximum", y) }
public func minimum(_ x: LossExpression, _ y: Double) -> LossExpression { minimum(x, x.constant(y)) }
public func maximum(_ x: LossExpression, _ y: Double) -> LossExpression { maximum(x, x.constant(y)) }
/// `x` held within `bounds`; outside them the gradient is 0.
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

public func .< (x: LossExpression, y: LossExpression) -> LossExpression { x.applying("less", y) }
public func .<= (x: LossExpression, y: LossExpression) -> LossExpression { x.applying("lessOrEqual", y) }
public func .> (x: LossExpression, y: LossExpression) -> LossExpression { x.applying("greater", y) }
public func .>= (x: LossExpression, y: LossExpression) -> LossExpression { x.applying("greaterOrEqual", y) }
public func .== (x: LossExpression, y: LossExpression) -> LossExpression { x.applying("equal", y) }
public func .!= (x: LossExpression, y: LossExpression) -> LossExpression { x.applying("notEqual", y) }
public func .< (x: LossExpression, y: Double) -> LossExpression { x .< x.constant(y) }
public func .<= (x: LossExpression, y: Double) -> LossExpression { x .<= x.constant(y) }
public func .> (x: LossExpression, y: Double) -> LossExpression { x .> x.constant(y) }
public func .>= (x: LossExpression, y: Double) -> LossExpression { x .>= x.constant(y) }
public func .== (x: LossExpression, y: Double) -> LossExpression { x .== x.constant(y) }
public func .!= (x: LossExpression, y: Double) -> LossExpression { x .!= x.constant(y) }
public func and(_ x: LossExpression, _ y: LossExpression) -> LossExpression { x.applying("and", y) }
public func or(_ x: LossExpression, _ y: LossExpression) -> LossExpression { x.applying("or", y) }
public func not(_ x: LossExpression) -> LossExpression { x.applying("not") }

/// `x` where the condition is not 0, else `y`.
public func select(_ condition: LossExpression, _ x: LossExpression, _ y: LossExpression) -> LossExpression {
    condition.applying("select", x, y)
}

extension LossExpression {
    /// Whether a value lies outside `bounds`.
    public func isOutside(_ bounds: ClosedRange<Double>) -> LossExpression {
        or(self .< bounds.lowerBound, self .> bounds.upperBound)
    }
}
