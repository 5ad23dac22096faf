// What looks as if it worked on expressions and cannot, with what does: an expression has no number while a loss is written.

/// The compiler refuses every call of what is unavailable, so nothing comes here.
private func cannotBeCalled() -> Never { fatalError("an unavailable operator was called") }

@available(*, unavailable, message: "a loss has no numbers while it is written: '.==' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func == (x: LossExpression, y: LossExpression) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.==' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func == (x: LossExpression, y: Double) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.==' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func == (x: Double, y: LossExpression) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.!=' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func != (x: LossExpression, y: LossExpression) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.!=' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func != (x: LossExpression, y: Double) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.!=' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func != (x: Double, y: LossExpression) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.<' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func < (x: LossExpression, y: LossExpression) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.<' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func < (x: LossExpression, y: Double) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.<' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func < (x: Double, y: LossExpression) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.<=' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func <= (x: LossExpression, y: LossExpression) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.<=' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func <= (x: LossExpression, y: Double) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.<=' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func <= (x: Double, y: LossExpression) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.>' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func > (x: LossExpression, y: LossExpression) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.>' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func > (x: LossExpression, y: Double) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.>' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func > (x: Double, y: LossExpression) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.>=' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func >= (x: LossExpression, y: LossExpression) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.>=' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func >= (x: LossExpression, y: Double) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.>=' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func >= (x: Double, y: LossExpression) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: and(_:_:) gives 1 or 0 for each element")
public func && (x: LossExpression, y: LossExpression) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: or(_:_:) gives 1 or 0 for each element")
public func || (x: LossExpression, y: LossExpression) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: not(_:) gives 1 or 0 for each element")
public prefix func ! (x: LossExpression) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "use maximum(_:_:), element by element, or max(axis:), along an axis")
public func max(_ x: LossExpression, _ y: LossExpression) -> LossExpression { cannotBeCalled() }
@available(*, unavailable, message: "use maximum(_:_:), element by element, or max(axis:), along an axis")
public func max(_ x: LossExpression, _ y: Double) -> LossExpression { cannotBeCalled() }
@available(*, unavailable, message: "use maximum(_:_:), element by element, or max(axis:), along an axis")
public func max(_ x: Double, _ y: LossExpression) -> LossExpression { cannotBeCalled() }
@available(*, unavailable, message: "use minimum(_:_:), element by element, or min(axis:), along an axis")
public func min(_ x: LossExpression, _ y: LossExpression) -> LossExpression { cannotBeCalled() }
@available(*, unavailable, message: "use minimum(_:_:), element by element, or min(axis:), along an axis")
public func min(_ x: LossExpression, _ y: Double) -> LossExpression { cannotBeCalled() }
@available(*, unavailable, message: "use minimum(_:_:), element by element, or min(axis:), along an axis")
public func min(_ x: Double, _ y: LossExpression) -> LossExpression { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.==' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func == (x: LossExpression, y: some LossScalar) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.==' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func == (x: some LossScalar, y: LossExpression) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.!=' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func != (x: LossExpression, y: some LossScalar) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.!=' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func != (x: some LossScalar, y: LossExpression) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.<' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func < (x: LossExpression, y: some LossScalar) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.<' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func < (x: some LossScalar, y: LossExpression) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.<=' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func <= (x: LossExpression, y: some LossScalar) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.<=' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func <= (x: some LossScalar, y: LossExpression) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.>' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func > (x: LossExpression, y: some LossScalar) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.>' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func > (x: some LossScalar, y: LossExpression) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.>=' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func >= (x: LossExpression, y: some LossScalar) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "a loss has no numbers while it is written: '.>=' gives 1 or 0 for each element, and select(_:_:_:) chooses by it")
public func >= (x: some LossScalar, y: LossExpression) -> Bool { cannotBeCalled() }
@available(*, unavailable, message: "use maximum(_:_:), element by element, or max(axis:), along an axis")
public func max(_ x: LossExpression, _ y: some LossScalar) -> LossExpression { cannotBeCalled() }
@available(*, unavailable, message: "use maximum(_:_:), element by element, or max(axis:), along an axis")
public func max(_ x: some LossScalar, _ y: LossExpression) -> LossExpression { cannotBeCalled() }
@available(*, unavailable, message: "use minimum(_:_:), element by element, or min(axis:), along an axis")
public func min(_ x: LossExpression, _ y: some LossScalar) -> LossExpression { cannotBeCalled() }
@available(*, unavailable, message: "use minimum(_:_:), element by element, or min(axis:), along an axis")
public func min(_ x: some LossScalar, _ y: LossExpression) -> LossExpression { cannotBeCalled() }
@available(*, unavailable, message: "use exp(y * log(x)), where x is above 0")
public func pow(_ x: LossExpression, _ y: LossExpression) -> LossExpression { cannotBeCalled() }
