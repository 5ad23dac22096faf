/// A number of another type than `Double` that may stand beside a ``LossExpression``.
///
/// Literals are `Double`s there, so that `1 / 3 * x` is a third of `x`: this is for variables.
public protocol LossScalar {
    /// The same number, or the nearest that `Double` has.
    var lossValue: Double { get }
}

extension Int: LossScalar {
    public var lossValue: Double { Double(self) }
}

extension Float: LossScalar {
    public var lossValue: Double { Double(self) }
}

extension Int32: LossScalar {
    public var lossValue: Double { Double(self) }
}

// MARK: Arithmetic

/// The number `y` added to each element.
@_disfavoredOverload
public func + (x: LossExpression, y: some LossScalar) -> LossExpression { x + y.lossValue }
/// Each element added to the number `x`.
@_disfavoredOverload
public func + (x: some LossScalar, y: LossExpression) -> LossExpression { x.lossValue + y }
/// The number `y` subtracted from each element.
@_disfavoredOverload
public func - (x: LossExpression, y: some LossScalar) -> LossExpression { x - y.lossValue }
/// Each element subtracted from the number `x`.
@_disfavoredOverload
public func - (x: some LossScalar, y: LossExpression) -> LossExpression { x.lossValue - y }
/// Each element times the number `y`.
@_disfavoredOverload
public func * (x: LossExpression, y: some LossScalar) -> LossExpression { x * y.lossValue }
/// The number `x` times each element.
@_disfavoredOverload
public func * (x: some LossScalar, y: LossExpression) -> LossExpression { x.lossValue * y }
/// Each element divided by the number `y`: infinite by 0, and NaN for 0 / 0.
@_disfavoredOverload
public func / (x: LossExpression, y: some LossScalar) -> LossExpression { x / y.lossValue }
/// The number `x` divided by each element: infinite by 0, and NaN for 0 / 0.
@_disfavoredOverload
public func / (x: some LossScalar, y: LossExpression) -> LossExpression { x.lossValue / y }

/// The lesser of each element and the number `y`; where they are equal, half of the gradient passes.
@_disfavoredOverload
public func minimum(_ x: LossExpression, _ y: some LossScalar) -> LossExpression { minimum(x, y.lossValue) }
/// The greater of each element and the number `y`; where they are equal, half of the gradient passes.
@_disfavoredOverload
public func maximum(_ x: LossExpression, _ y: some LossScalar) -> LossExpression { maximum(x, y.lossValue) }
/// The lesser of the number `x` and each element; where they are equal, half of the gradient passes.
@_disfavoredOverload
public func minimum(_ x: some LossScalar, _ y: LossExpression) -> LossExpression { minimum(y, x.lossValue) }
/// The greater of the number `x` and each element; where they are equal, half of the gradient passes.
@_disfavoredOverload
public func maximum(_ x: some LossScalar, _ y: LossExpression) -> LossExpression { maximum(y, x.lossValue) }
/// `x` where the condition is not 0, else the number `y`.
@_disfavoredOverload
public func select(_ condition: LossExpression, _ x: LossExpression, _ y: some LossScalar) -> LossExpression {
    select(condition, x, y.lossValue)
}
/// The number `x` where the condition is not 0, else `y`.
@_disfavoredOverload
public func select(_ condition: LossExpression, _ x: some LossScalar, _ y: LossExpression) -> LossExpression {
    select(condition, x.lossValue, y)
}
/// Each element to the power of a finite number, as ``pow(_:_:)-(_,Double)``.
@_disfavoredOverload
public func pow(_ x: LossExpression, _ exponent: some LossScalar) -> LossExpression { pow(x, exponent.lossValue) }

// MARK: Questions, answered by 1 or 0

/// 1 where an element is less than the number `y`, else 0; 0 where it is NaN. No gradient passes.
@_disfavoredOverload
public func .< (x: LossExpression, y: some LossScalar) -> LossExpression { x .< y.lossValue }
/// 1 where an element is at most the number `y`, else 0; 0 where it is NaN. No gradient passes.
@_disfavoredOverload
public func .<= (x: LossExpression, y: some LossScalar) -> LossExpression { x .<= y.lossValue }
/// 1 where an element is greater than the number `y`, else 0; 0 where it is NaN. No gradient passes.
@_disfavoredOverload
public func .> (x: LossExpression, y: some LossScalar) -> LossExpression { x .> y.lossValue }
/// 1 where an element is at least the number `y`, else 0; 0 where it is NaN. No gradient passes.
@_disfavoredOverload
public func .>= (x: LossExpression, y: some LossScalar) -> LossExpression { x .>= y.lossValue }
/// 1 where an element equals the number `y`, else 0; 0 where it is NaN. No gradient passes.
@_disfavoredOverload
public func .== (x: LossExpression, y: some LossScalar) -> LossExpression { x .== y.lossValue }
/// 1 where an element does not equal the number `y`, else 0; 1 where it is NaN. No gradient passes.
@_disfavoredOverload
public func .!= (x: LossExpression, y: some LossScalar) -> LossExpression { x .!= y.lossValue }
/// 1 where the number `x` is less than an element, else 0; 0 where it is NaN. No gradient passes.
@_disfavoredOverload
public func .< (x: some LossScalar, y: LossExpression) -> LossExpression { y .> x.lossValue }
/// 1 where the number `x` is at most an element, else 0; 0 where it is NaN. No gradient passes.
@_disfavoredOverload
public func .<= (x: some LossScalar, y: LossExpression) -> LossExpression { y .>= x.lossValue }
/// 1 where the number `x` is greater than an element, else 0; 0 where it is NaN. No gradient passes.
@_disfavoredOverload
public func .> (x: some LossScalar, y: LossExpression) -> LossExpression { y .< x.lossValue }
/// 1 where the number `x` is at least an element, else 0; 0 where it is NaN. No gradient passes.
@_disfavoredOverload
public func .>= (x: some LossScalar, y: LossExpression) -> LossExpression { y .<= x.lossValue }
/// 1 where the number `x` equals an element, else 0; 0 where it is NaN. No gradient passes.
@_disfavoredOverload
public func .== (x: some LossScalar, y: LossExpression) -> LossExpression { y .== x.lossValue }
/// 1 where the number `x` does not equal an element, else 0; 1 where it is NaN. No gradient passes.
@_disfavoredOverload
public func .!= (x: some LossScalar, y: LossExpression) -> LossExpression { y .!= x.lossValue }
