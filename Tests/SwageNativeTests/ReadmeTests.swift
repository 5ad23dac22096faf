import Foundation
import Testing
import TestSupport

@Suite struct ReadmeTests {
    private let readme: String

    init() throws { readme = try String(contentsOfFile: Golden.repository + "/README.md", encoding: .utf8) }

    private func source(_ file: String) throws -> String {
        try String(contentsOfFile: "\(Golden.repository)/Tests/SwageNativeTests/\(file).swift", encoding: .utf8)
    }

    @Test func theExampleInTheReadmeIsTheOneThatIsCompiledAndRun() async throws {
        let example = try source("ReadmeExample")
        #expect(readme.contains("```swift\n\(example)```"))
        #expect(example.split(separator: "\n", omittingEmptySubsequences: false).count <= 31)
        #expect(try await teachOneAnswer(model: Golden.smolLM2) == "A model that was trained in Swift.")
    }

    @Test func theLossInTheReadmeIsTheOneThatIsCompiled() throws {
        let example = try source("ReadmeLoss").replacingOccurrences(of: "import Swage\n\n", with: "")
        #expect(readme.contains("```swift\n\(example)```"))
        #expect(clipped.failure == nil && clipped.program.fieldsRead["samplerLogProbs"] != nil)
    }
}
