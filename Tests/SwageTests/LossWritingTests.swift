import Swage
import Testing

/// What may stand in a loss beside expressions.
@Suite struct LossWritingTests {
    private static let shape = [1, 3]

    private func value(_ expression: @escaping (LossOutputs, LossBatch) -> LossExpression) throws -> Double {
        let loss = LossFunction("written") { outputs, batch in
            LossValue(sum: expression(outputs, batch).sum(), denominator: batch.targetMask.sum())
        }
        #expect(loss.failure == nil)
        let batch = TextTrainBatch(inputIDs: Tensor(repeating: 1, shape: Self.shape), targetIDs: Tensor(repeating: 1, shape: Self.shape))
        var environment = LossProgram.Environment(loss.program, batch: batch, vocabulary: 5, hidden: 4)
        environment.outputs[.logProbs] = Tensor(unchecked: [-0.5, -1.25, -3], shape: Self.shape)
        return loss.program.evaluate([loss.program.sum], in: environment)[0].scalars[0]
    }

    @Test func variablesOfIntAndFloatAreWorthTheSameDoubles() throws {
        let (whole, single) = (3, Float(0.5))
        let pairs: [((LossExpression) -> LossExpression, (LossExpression) -> LossExpression)] = [
            ({ $0 + whole }, { $0 + 3.0 }), ({ whole - $0 }, { 3.0 - $0 }), ({ $0 * single }, { $0 * 0.5 }),
            ({ single / $0 }, { 0.5 / $0 }), ({ maximum($0, -whole) }, { maximum($0, -3.0) }),
            ({ minimum($0, -single) }, { minimum($0, -0.5) }), ({ pow($0, whole) }, { pow($0, 3.0) }),
            ({ $0 .< -whole }, { $0 .< -3.0 }), ({ $0 .<= -whole }, { $0 .<= -3.0 }), ({ $0 .> -single }, { $0 .> -0.5 }),
            ({ $0 .>= -single }, { $0 .>= -0.5 }), ({ $0 .== -whole }, { $0 .== -3.0 }), ({ $0 .!= -whole }, { $0 .!= -3.0 }),
        ]
        for (index, (other, double)) in pairs.enumerated() {
            let (found, expected) = (try value { outputs, _ in other(outputs.logProbs) }, try value { outputs, _ in double(outputs.logProbs) })
            #expect(found == expected, "pair \(index): \(found), and \(expected) with doubles")
        }
    }

    @Test func literalsAreDoublesSoThatAThirdIsNotNothing() throws {
        let third = try value { outputs, _ in 1 / 3 * outputs.logProbs }
        #expect(abs(third + 4.75 / 3) < 1e-12, "1 / 3 of -4.75 is \(third)")
    }

    @Test func aConstantHasItsNumbersAtTheirPlaces() throws {
        let row: [Double] = [0.25, -2, 1e-3]
        // Each log-probability of the three times each number of the row.
        let found = try value { outputs, batch in outputs.logProbs.insertingAxis(-1) * batch.constant(row) }
        #expect(abs(found - -4.75 * row.reduce(0, +)) < 1e-12, "\(found)")
        // Of several axes: the element at [1, 2] of 2 × 3 is the last.
        let table = try Tensor<Float>([1, 2, 3, 4, 5, 6], shape: [2, 3])
        for (row, column, number) in [(0, 0, 1.0), (0, 2, 3), (1, 0, 4), (1, 2, 6)] {
            let found = try value { _, batch in batch.constant(table).take(row, axis: 0).take(column, axis: 0) }
            #expect(found == number, "[\(row), \(column)] is \(found)")
        }
        let many = (0..<LossBatch.maximumConstantCount).map { Double($0 * 37 % 101) }
        #expect(try value { _, batch in batch.constant(many) } == many.reduce(0, +))
    }

    @Test(arguments: [[], [.nan], [Double](repeating: 0, count: LossBatch.maximumConstantCount + 1)])
    func aConstantOfNoneOfNaNOrOfTooManyNumbersIsRefused(_ numbers: [Double]) {
        let loss = LossFunction("constant") { outputs, batch in .mean(of: batch.constant(numbers).sum() * outputs.logProbs, over: batch.targetMask) }
        #expect(loss.failure?.contains("finite numbers") == true, "\(loss.failure ?? "nothing")")
    }
}
