/// A value inside a loss while the loss is being written: a number for every token, or one for the whole batch.
public struct LossExpression {
    let trace: LossTrace
    let node: Int

    private func appending(_ node: LossProgram.Node) -> LossExpression {
        LossExpression(trace: trace, node: trace.append(node))
    }

    fileprivate func applying(_ operation: LossProgram.UnaryOperation) -> LossExpression {
        appending(.unary(operation, node))
    }

    fileprivate func combining(
        _ operation: LossProgram.BinaryOperation, _ other: LossExpression
    ) -> LossExpression {
        precondition(trace === other.trace, "an expression of one loss was used in another")
        return appending(.binary(operation, node, other.node))
    }

    fileprivate func constant(_ value: Double) -> LossExpression { appending(.constant(value)) }

    /// The sum over all tokens of the batch.
    public func sum() -> LossExpression { appending(.sum(trace.perToken(node))) }
}

public prefix func - (x: LossExpression) -> LossExpression { x.applying(.negate) }
public func exp(_ x: LossExpression) -> LossExpression { x.applying(.exp) }
public func log(_ x: LossExpression) -> LossExpression { x.applying(.log) }

public func + (x: LossExpression, y: LossExpression) -> LossExpression { x.combining(.add, y) }
public func - (x: LossExpression, y: LossExpression) -> LossExpression { x.combining(.subtract, y) }
public func * (x: LossExpression, y: LossExpression) -> LossExpression { x.combining(.multiply, y) }
public func / (x: LossExpression, y: LossExpression) -> LossExpression { x.combining(.divide, y) }

public func + (x: LossExpression, y: Double) -> LossExpression { x + x.constant(y) }
public func - (x: LossExpression, y: Double) -> LossExpression { x - x.constant(y) }
public func * (x: LossExpression, y: Double) -> LossExpression { x * x.constant(y) }
public func / (x: LossExpression, y: Double) -> LossExpression { x / x.constant(y) }
public func + (x: Double, y: LossExpression) -> LossExpression { y.constant(x) + y }
public func - (x: Double, y: LossExpression) -> LossExpression { y.constant(x) - y }
public func * (x: Double, y: LossExpression) -> LossExpression { y.constant(x) * y }
public func / (x: Double, y: LossExpression) -> LossExpression { y.constant(x) / y }

/// The lesser of two values; where they are equal the gradient goes to the first.
public func minimum(_ x: LossExpression, _ y: LossExpression) -> LossExpression { x.combining(.minimum, y) }
/// The greater of two values; where they are equal the gradient goes to the first.
public func maximum(_ x: LossExpression, _ y: LossExpression) -> LossExpression { x.combining(.maximum, y) }
/// `x` held within `bounds`; outside them the gradient is 0.
public func clip(_ x: LossExpression, _ bounds: ClosedRange<Double>) -> LossExpression {
    minimum(maximum(x, x.constant(bounds.lowerBound)), x.constant(bounds.upperBound))
}

/// The graph that grows while a loss is written, or differentiated. Equal nodes are kept once.
final class LossTrace {
    private(set) var program: LossProgram
    private var indices: [LossProgram.Node: Int] = [:]
    private var perTokenNodes: Set<Int> = []

    init(_ program: LossProgram = LossProgram()) {
        self.program = LossProgram()
        for node in program.nodes { _ = append(node) }
        self.program = program
    }

    func append(_ node: LossProgram.Node) -> Int {
        if let index = indices[node] { return index }
        let index = program.nodes.count
        program.nodes.append(node)
        indices[node] = index
        if node.isPerToken(operandsPerToken: node.operands.map(perTokenNodes.contains)) {
            perTokenNodes.insert(index)
        }
        return index
    }

    func isPerToken(_ node: Int) -> Bool { perTokenNodes.contains(node) }

    /// The node, repeated for every token if it is a scalar.
    func perToken(_ node: Int) -> Int { isPerToken(node) ? node : append(.perToken(node)) }

    func finish(sum: Int, denominator: Int, metrics: [LossProgram.Metric]) -> LossProgram {
        program.sum = sum
        program.denominator = denominator
        program.metrics = metrics
        return program
    }
}

extension LossProgram.Node {
    func isPerToken(operandsPerToken: [Bool]) -> Bool {
        switch self {
        case .output, .field, .perToken: true
        case .constant, .sum: false
        case .unary, .binary: operandsPerToken.contains(true)
        }
    }
}
