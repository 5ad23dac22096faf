import Foundation
import Testing
import TestSupport

@Suite struct ReadmeTests {
    @Test func theExampleInTheReadmeIsTheOneThatIsCompiledAndRun() async throws {
        let readme = try String(contentsOfFile: Golden.repository + "/README.md", encoding: .utf8)
        let example = try String(
            contentsOfFile: Golden.repository + "/Tests/SwageNativeTests/ReadmeExample.swift", encoding: .utf8)
        #expect(readme.contains("```swift\n\(example)```"))
        #expect(example.split(separator: "\n", omittingEmptySubsequences: false).count <= 31)
        #expect(try await teachOneAnswer(model: Golden.smolLM2) == "A model that was trained in Swift.")
    }
}
