import Foundation
import Swage
import Testing
import TestSupport

/// What docs/ says of loss programs is generated, and up to date.
@Suite struct LossProgramsPageTests {
    @Test(arguments: ["LossPrograms.md", "loss-vectors.jsonl"])
    func theGeneratedFilesAreUpToDate(_ name: String) throws {
        let text = name.hasSuffix(".md") ? LossProgramsPage.text : LossVectors.lines
        let path = "\(Golden.repository)/docs/\(name)"
        if ProcessInfo.processInfo.environment["SWAGE_WRITE_GOLDEN"] != nil {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        }
        let isUpToDate = try String(contentsOfFile: path, encoding: .utf8) == text
        #expect(isUpToDate, "run `make generated`: docs/\(name) differs from the tables in the code")
    }

    @Test func everyOperationHasAReference() {
        #expect(Set(LossOperation.references.keys) == Set(LossOperation.all.keys))
    }

    @Test func programsThatMustBeRefusedAre() throws {
        for refused in LossVectors.refused {
            let name = "\(refused.program["name"] ?? "")"
            let error = #expect(throws: TrainerError.self, "\(name)") { try refused.validate() }
            #expect(error?.code == .invalidLoss, "\(name)")
            guard let node = refused.node, let text = error?.description else { continue }
            #expect(text.contains("node \(node)") || text.contains("nodes[\(node)]"), "\(name): \(text)")
        }
    }

    @Test func noVectorHasAKeyThatItsOperationDoesNotNeed() throws {
        let leaves = ["output": ["name"], "field": ["name", "shape"], "constant": ["value"]]
        for line in LossVectors.lines.split(separator: "\n") {
            let vector = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            let program = try #require(vector["program"] as? [String: Any])
            guard vector["refused"] as? String != "invalidLoss" else { continue }
            for node in try #require(program["nodes"] as? [[String: Any]]) {
                let operation = try #require(node["op"] as? String)
                let needs = leaves[operation] ?? ["of"] + (LossOperation.all[operation]?.needs ?? [])
                #expect(Set(node.keys).subtracting(["op"]).isSubset(of: needs), "\(program["name"] ?? ""): \(node)")
            }
        }
    }

    /// NaN that a maximum hides would make a loss look sound.
    @Test(arguments: ["minimum", "maximum", "relu", "sign", "add"])
    func aNaNIsNotHidden(_ name: String) {
        let loss = LossFunction("nan") { outputs, _ in
            let nan = log(outputs.entropy - 9)
            let values =
                ["relu", "sign"].contains(name)
                ? [nan.using(name, [], .init())]
                : [
                    nan.using(name, [outputs.entropy], .init()), outputs.entropy.using(name, [nan], .init()),
                ]
            return LossValue(sum: values.map { $0.sum() }.reduce(0 * outputs.entropy.sum()) { $0 + $1 }, denominator: outputs.entropy.sum())
        }
        var environment = LossProgram.Environment(extents: .init(batch: 1, sequence: 1, vocabulary: 2, hidden: 2))
        environment.outputs[.entropy] = Tensor(repeating: 1, shape: [1, 1])
        let sum = loss.program.evaluate([loss.program.sum], in: environment)[0].scalars[0]
        #expect(sum.isNaN, "\(name) of NaN is \(sum)")
    }
}
