import Foundation
import Swage
import Testing
import TestSupport

@Suite struct LossSerializationTests {
    static let stock: [LossFunction] = [
        .crossEntropy, .crossEntropy(smoothing: 0.1, zLoss: 1e-4), .linearCrossEntropy, .reinforce, .importanceSampling,
        .ppo(dualClip: 3), .cispo(), .dro(), .grpo(normalization: .sequenceMean, klCoefficient: 0.1), .gspo(),
        .dpo(), .dpo(loss: .ipo), .dpo(loss: .hinge), .distillation(temperature: 2), .distillation(topK: 8),
        .valueRegression(clip: 0.2),
    ]

    private static func json(_ loss: LossFunction) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text = String(decoding: try encoder.encode(loss), as: UTF8.self)
        return text.replacingOccurrences(of: "},{\"", with: "},\n {\"") + "\n"
    }

    @Test(arguments: stock)
    func aDecodedLossIsTheOneThatWasEncoded(_ loss: LossFunction) throws {
        let decoded = try JSONDecoder().decode(LossFunction.self, from: Data(try Self.json(loss).utf8))
        #expect(decoded == loss)
    }

    /// A file that an earlier release wrote must read as the same loss for ever.
    @Test func theSerialFormOfReleasedLossesStays() throws {
        let path = Golden.root + "/losses/serial.json"
        if ProcessInfo.processInfo.environment["SWAGE_WRITE_GOLDEN"] != nil {
            let all = try Self.stock.map(Self.json).joined()
            try all.write(toFile: path, atomically: true, encoding: .utf8)
        }
        let written = try String(contentsOfFile: path, encoding: .utf8)
        #expect(try Self.stock.map(Self.json).joined() == written)
    }

    private static let good = """
        {"format": "swage.loss", "version": 1, "name": "x", "metrics": [], "sum": 2, "denominator": 3, "nodes": [
        {"op": "output", "name": "logProbs"}, {"op": "sum", "of": [0], "axis": 1},
        {"op": "constant", "value": 2}, {"op": "constant", "value": 1}]}
        """

    @Test(arguments: [
        ("\"version\": 1", "\"version\": 2", "version 2"), ("swage.loss", "other.loss", "other.loss"),
        ("\"of\": [0]", "\"of\": [1]", "earlier"), ("\"of\": [0]", "\"of\": [-1]", "earlier"),
        ("\"of\": [0]", "\"of\": [3]", "earlier"), ("\"of\": [0]", "\"of\": [0, 0]", "takes 1 operands"),
        ("\"op\": \"sum\"", "\"op\": \"evil\"", "evil"), ("\"op\": \"sum\"", "\"op\": \"seed\"", "seed"),
        ("\"axis\": 1", "\"axis\": 2", "no axis 2"), ("\"axis\": 1", "\"axis\": -1", "no axis -1"),
        ("logProbs", "secrets", "secrets"), ("\"sum\": 2", "\"sum\": 1", "scalar"),
        ("\"sum\": 2", "\"sum\": 99", "one of its nodes"), ("\"name\": \"x\"", "\"name\": \"\"", "name of 0 bytes"),
        (
            "{\"op\": \"constant\", \"value\": 2}",
            "{\"op\": \"field\", \"name\": \"f\", \"shape\": [2]}, {\"op\": \"field\", \"name\": \"f\", \"shape\": []}",
            "read with the shape"
        ),
        (
            "{\"op\": \"constant\", \"value\": 2}",
            "{\"op\": \"field\", \"name\": \"f\", \"shape\": [1048576, 1048576]}", "impossible size"
        ),
        ("{\"op\": \"constant\", \"value\": 2}", "{\"op\": \"field\", \"name\": \"targetMask\", \"shape\": []}", "targetMask"),
        ("{\"op\": \"constant\", \"value\": 2}", "{\"op\": \"constant\"}", "finite"),
        ("\"axis\": 1", "\"axis\": 2.5", "nodes[1].axis has a value"), ("\"axis\": 1", "\"axis\": true", "nodes[1].axis is not"),
        ("\"of\": [0]", "\"of\": [0.5]", "nodes[1].of"), ("\"value\": 2", "\"value\": 1e400", "nodes[2].value has a value"),
        ("\"name\": \"x\"", "\"name\": null", "it has no \"name\""), ("\"name\": \"x\"", "\"name\": \"x\\u0085\"", "control"),
        ("\"name\": \"logProbs\"", "\"name\": \"\\u0001\"", "a node 0 with a name with control"), ("\"sum\": 2", "\"sum\": 2.5", "sum has a value"),
    ])
    func aProgramThatIsNotSoundIsAnErrorThatSaysWhere(_ old: String, _ new: String, _ mentioned: String) throws {
        _ = try JSONDecoder().decode(LossFunction.self, from: Data(Self.good.utf8))
        #expect(Self.good.contains(old))
        let bad = Self.good.replacingOccurrences(of: old, with: new)
        let error = #expect(throws: TrainerError.self) {
            try JSONDecoder().decode(LossFunction.self, from: Data(bad.utf8))
        }
        #expect(error?.description.contains(mentioned) == true, "\(String(describing: error))")
    }

    @Test(arguments: [
        ("\"axis\": 1", "\"axis\": 1.0"), ("\"axis\": 1", "\"axis\": 1, \"index\": 2.5, \"reverse\": 3, \"value\": \"NaN\", \"shape\": 5"),
        ("\"axis\": 1", "\"axis\": 1, \"name\": \"\\u0001\""), ("\"value\": 2", "\"value\": 2, \"of\": null, \"axis\": \"q\""),
        ("\"sum\": 2", "\"sum\": 2.0"), ("\"version\": 1", "\"version\": 1.0"),
        ("\"metrics\": []", "\"metrics\": [{\"name\": \"m\", \"node\": 3, \"kind\": \"sum\", \"sum\": \"q\", \"over\": 99}]"),
    ])
    func whatAnOperationDoesNotNeedIsPassedOver(_ old: String, _ new: String) throws {
        let good = try JSONDecoder().decode(LossFunction.self, from: Data(Self.good.utf8))
        #expect(Self.good.contains(old))
        let other = Self.good.replacingOccurrences(of: old, with: new)
        let loss = try JSONDecoder().decode(LossFunction.self, from: Data(other.utf8))
        #expect(loss.program.nodes == good.program.nodes && loss.program.sum == good.program.sum)
    }

    @Test func aMetricWhoseKindIsNullHasNone() throws {
        func read(_ metric: String) throws -> LossFunction {
            let text = Self.good.replacingOccurrences(of: "\"metrics\": []", with: "\"metrics\": [\(metric)]")
            return try JSONDecoder().decode(LossFunction.self, from: Data(text.utf8))
        }
        let without = try read("{\"name\": \"m\", \"node\": 2}")
        #expect(try read("{\"name\": \"m\", \"node\": 2, \"kind\": null, \"sum\": null}") == without)
    }

    @Test func tooManyNodesAndTooDeepChainsAreErrors() throws {
        func chain(_ count: Int) -> Data {
            let nodes = (1..<count).map { ",{\"op\": \"negate\", \"of\": [\($0 - 1)]}" }.joined()
            return Data(
                """
                {"format": "swage.loss", "version": 1, "name": "x", "metrics": [], "sum": 0, "denominator": 0,
                "nodes": [{"op": "constant", "value": 1}\(nodes)]}
                """.utf8)
        }
        _ = try JSONDecoder().decode(LossFunction.self, from: chain(1000))
        for count in [1100, 5000] {
            #expect(throws: TrainerError.self) { try JSONDecoder().decode(LossFunction.self, from: chain(count)) }
        }
    }

    /// Random changes to a sound program end in an error or in a sound program, and never in a crash.
    @Test(arguments: 0..<6)
    func damagedBytesNeverCrashTheDecoder(_ seed: Int) throws {
        let good = Array(try Self.stock.map(Self.json)[seed * 2].utf8)
        var generator = SeededGenerator(seed: UInt64(seed) + 77)
        let alphabet = Array("0123456789-{}[],:\"eaxisopf ".utf8)
        for _ in 0..<1500 {
            var bad = good
            for _ in 0...Int(generator.fraction() * 3) {
                let place = Int(generator.fraction() * Double(bad.count))
                let byte = generator.fraction() < 0.5 ? UInt8(generator.fraction() * 256) : alphabet[Int(generator.fraction() * Double(alphabet.count))]
                bad[place] = byte
            }
            guard let loss = try? JSONDecoder().decode(LossFunction.self, from: Data(bad)) else { continue }
            _ = LossDerivative(loss.program)
        }
    }
}
