import Testing

/// Cases that are data, in `Tests/Cases`.
@Suite(.serialized) struct CaseTests {
    @Test(.timeLimit(.minutes(30)), arguments: Case.names)
    func whatACaseSaysIsRight(_ name: String) async throws { try await Case.run(name) }

    @Test func thereAreCases() { #expect(!Case.names.isEmpty, "none in \(Case.root)") }
}
