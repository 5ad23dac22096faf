#if Engines
import Swage
import SwageConformance
import SwageWorkers
import TestEngines
import TestSupport
import Testing

extension WorkerTests {
    /// Every engine that is installed here (`swage setup huggingface titan`), in a decorator, and ways to divide the work. By
    /// themselves the engines, and FSDP2, go through the promises by the command: scripts/run_conformance.py.
    @Suite(.serialized) struct EngineConformanceTests {
        static let divisions = [
            EngineUnderTest.titan("2 ranks, tensor parallel") { $0.tensor = 2 },
            EngineUnderTest.titan("2 ranks, replicated") { $0.replicate = 2 },
            EngineUnderTest.titan("2 ranks, context parallel") { $0.context = 2 },
            EngineUnderTest.titan("2 ranks, pipeline parallel") { $0.pipeline = 2 },
        ]

        static let engines = EngineUnderTest.all.map(\.decorated) + (WorkerEnvironment("titan").isInstalled ? divisions : [])

        @Test(arguments: engines) func keepsEveryPromise(_ engine: EngineUnderTest) async throws {
            try await withTemporaryDirectory { directory in
                let foreign = try await EngineUnderTest.foreignCheckpoint(in: directory)
                let findings = try await engine.conformance(workspace: directory, foreign: foreign).run()
                #expect(findings.count == Conformance.Invariant.allCases.count)
                for finding in findings { #expect(finding.failure == nil, "\(finding)") }
            }
        }
    }
}
#endif
