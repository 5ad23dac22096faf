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
}
