/// An expression. Names are numbered by occurrence, and the occurrences are resolved in a table of their own.
indirect enum Expression: Sendable {
    case literal(Literal)
    case name(Int)
    case tuple([Expression])
    case list([Expression])
    case dict([(key: Expression, value: Expression)])
    case conditional(test: Expression, then: Expression, otherwise: Expression?, line: Int)
    case and(Expression, Expression)
    case or(Expression, Expression)
    case not(Expression)
    case compare(Expression, [(Comparison, Expression)])
    case concat([Expression])
    /// Operators of one precedence, from the left: a chain of any length is no deeper than one.
    case arithmetic(Expression, [(Arithmetic, Expression)])
    case negative(Expression)
    case positive(Expression)
    case attribute(Expression, AttributeName)
    case item(Expression, Expression)
    case slice(Expression, SliceBounds)
    case call(Expression, ArgumentList, line: Int)
    /// The filter of a block has no operand of its own.
    case filter(Expression?, Filter, ArgumentList, line: Int)
    case test(Expression, Test, ArgumentList, line: Int)
    /// What Jinja refuses only when it runs.
    case failure(String)

    enum Literal: Sendable {
        case none
        case bool(Bool)
        case int(Int)
        case float(Double)
        case text(Text)
    }

    enum Comparison: Sendable { case equal, notEqual, less, lessEqual, greater, greaterEqual, `in`, notIn }
    enum Arithmetic: String, Sendable {
        case add = "+", subtract = "-", multiply = "*", divide = "/", floorDivide = "//"
        case modulo = "%", power = "**"
    }

    struct SliceBounds: Sendable {
        var start: Expression?
        var stop: Expression?
        var step: Expression?
    }
}

/// The arguments of a call.
final class ArgumentList: Sendable {
    let positional: [Expression]
    let keywords: [(name: String, value: Expression)]
    let star: Expression?
    let doubleStar: Expression?

    init(
        _ positional: [Expression] = [], keywords: [(name: String, value: Expression)] = [], star: Expression? = nil,
        doubleStar: Expression? = nil
    ) {
        self.positional = positional
        self.keywords = keywords
        self.star = star
        self.doubleStar = doubleStar
    }

    var isPlain: Bool { keywords.isEmpty && star == nil && doubleStar == nil }
}

/// The name after a dot, with what is known of it before anything runs.
final class AttributeName: Sendable {
    let string: String
    let text: Text
    /// Whether some built-in value has an attribute of that name, or it is one of Python's own.
    let mayBeMethod: Bool
    /// What a dictionary without such a key gives.
    let missing: UndefinedReason

    init(_ name: String) {
        string = name
        text = Text(name)
        mayBeMethod = name.hasPrefix("_") || Methods.names.contains(name)
        missing = UndefinedReason("'dict object' has no attribute '\(name)'")
    }
}

/// Why a value is undefined, told when it is used.
final class UndefinedReason: Sendable {
    let message: String
    /// Whether what was asked for exists, and the sandbox hides it.
    let isForbidden: Bool

    init(_ message: String, isForbidden: Bool = false) {
        self.message = message
        self.isForbidden = isForbidden
    }
}
