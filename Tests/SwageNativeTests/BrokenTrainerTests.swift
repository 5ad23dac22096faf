import Swage
import SwageConformance
import TestEngines
import TestSupport
import Testing

@Suite struct BrokenTrainerTests {
    @Test(arguments: Conformance.Invariant.allCases)
    func theSuiteNoticesATrainerThatBreaks(_ invariant: Conformance.Invariant) async throws {
        try await withTemporaryDirectory { directory in
            let conformance = Conformance(.broken(invariant, in: directory))
            await #expect(throws: ConformanceFailure.self) { try await conformance.check(invariant) }
        }
    }

    @Test(arguments: BrokenTrainer.Flaw.allCases)
    func theSuiteNoticesATrainerThatIsWrongInACorner(_ flaw: BrokenTrainer.Flaw) async throws {
        try await withTemporaryDirectory { directory in
            let conformance = Conformance(.flawed(flaw, in: directory))
            await #expect(throws: ConformanceFailure.self) { try await conformance.check(flaw.promise) }
        }
    }

    @Test func aPromiseMayBeLeftOutWithAReasonAndHasATimeLimit() async throws {
        try await withTemporaryDirectory { directory in
            let conformance = Conformance(.broken(.enginesAgree, in: directory))
            let findings = await conformance.run(
                .init([.clearedGradientsNeverWere, .enginesAgree, .badInputIsAnError], skipping: [.badInputIsAnError: "not today"]))
            #expect(findings.map(\.invariant) == [.clearedGradientsNeverWere, .enginesAgree, .badInputIsAnError])
            #expect(findings[0].outcome == .kept && findings[2].outcome == .skipped("not today"), "\(findings)")
            let failure = try #require(findings[1].failure)
            #expect(failure.contains("log-probabilities") && failure.contains("the last call was forward of inputs [2, 9]"), "\(failure)")
            let late = await conformance.run(.init([.microbatchesEqualOneBatch], timeLimit: .zero))
            #expect(late[0].failure?.contains("the check is not done within the time limit") == true, "\(late)")
        }
    }
}
