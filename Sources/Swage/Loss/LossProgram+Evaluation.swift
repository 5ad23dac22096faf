extension LossProgram {
    /// What a program computes from, one number for each token of the batch in row-major order.
    package struct Environment {
        package let tokenCount: Int
        package var outputs: [ModelOutput: [Float]]
        package let batch: TextTrainBatch

        package init(batch: TextTrainBatch, outputs: [ModelOutput: [Float]] = [:]) {
            self.tokenCount = batch.inputIDs.scalars.count
            self.batch = batch
            self.outputs = outputs
        }

        fileprivate func values(of field: BatchField) -> [Double] {
            let tensor =
                switch field {
                case .targetMask: batch.targetMask
                case .targetWeights: batch.targetWeights
                case .lossInput(let name): batch.lossInputs[name]
                }
            return tensor?.scalars.map(Double.init) ?? Array(repeating: 1, count: tokenCount)
        }
    }

    package enum Value {
        case scalar(Double)
        case perToken([Double])

        package subscript(token: Int) -> Double {
            switch self {
            case .scalar(let value): value
            case .perToken(let values): values[token]
            }
        }

        /// The value of a node that tracing has found to be a scalar.
        package var scalar: Double {
            switch self {
            case .scalar(let value): value
            case .perToken(let values): preconditionFailure("a scalar was wanted, found \(values.count) values")
            }
        }
    }

    /// The values of the nodes in `wanted`, computed in double precision with nothing computed that they do not need.
    package func evaluate(_ wanted: [Int], in environment: Environment) -> [Value] {
        let needed = wanted.reduce(into: Set<Int>()) { $0.formUnion(ancestors(of: $1)) }
        var values: [Int: Value] = [:]
        for index in needed.sorted() {
            values[index] = value(of: nodes[index], in: environment) { values[$0]! }
        }
        return wanted.map { values[$0]! }
    }

    private func value(of node: Node, in environment: Environment, operand: (Int) -> Value) -> Value {
        switch node {
        case .output(let output):
            return .perToken(environment.outputs[output]!.map(Double.init))
        case .field(let field):
            return .perToken(environment.values(of: field))
        case .constant(let value):
            return .scalar(value)
        case .unary(let operation, let x):
            return operand(x).mapped(operation.apply)
        case .binary(let operation, let x, let y):
            return Value.combined(operand(x), operand(y), operation.apply)
        case .sum(let x):
            let terms = operand(x)
            return .scalar((0..<environment.tokenCount).reduce(0) { $0 + terms[$1] })
        case .perToken(let x):
            return .perToken(Array(repeating: operand(x).scalar, count: environment.tokenCount))
        }
    }
}

extension LossProgram.Value {
    fileprivate func mapped(_ function: (Double) -> Double) -> Self {
        switch self {
        case .scalar(let value): .scalar(function(value))
        case .perToken(let values): .perToken(values.map(function))
        }
    }

    fileprivate static func combined(_ x: Self, _ y: Self, _ function: (Double, Double) -> Double) -> Self {
        switch (x, y) {
        case (.scalar(let x), .scalar(let y)): .scalar(function(x, y))
        case (.perToken(let x), _): .perToken(x.indices.map { function(x[$0], y[$0]) })
        case (_, .perToken(let y)): .perToken(y.indices.map { function(x[$0], y[$0]) })
        }
    }
}

extension LossProgram.UnaryOperation {
    fileprivate func apply(_ x: Double) -> Double {
        switch self {
        case .negate: -x
        case .exp: exponential(x)
        case .log: logarithm(x)
        }
    }
}

extension LossProgram.BinaryOperation {
    fileprivate func apply(_ x: Double, _ y: Double) -> Double {
        switch self {
        case .add: x + y
        case .subtract: x - y
        case .multiply: x * y
        case .divide: x / y
        case .minimum: x <= y ? x : y
        case .maximum: y <= x ? x : y
        case .lessOrEqual: x <= y ? 1 : 0
        }
    }
}
