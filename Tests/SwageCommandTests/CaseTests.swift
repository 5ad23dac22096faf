import Testing

/// Cases that are data, in `Tests/Cases`.
@Suite(.serialized) struct CaseTests {
    @Test(.timeLimit(.minutes(30)), arguments: Case.names)
    func whatACaseSaysIsRight(_ name: String) async throws { try await Case.run(name) }

    #if Engines
    @Test(.timeLimit(.minutes(30)), arguments: Case.servedNames)
    func whatACaseSaysIsRightOnAServedEngine(_ name: String, _ engine: String) async throws {
        try await Case.run(name, servedBy: engine)
    }
    #endif

    @Test func thereAreCases() { #expect(!Case.names.isEmpty && !Case.servedNames.isEmpty, "none in \(Case.root)") }
}
