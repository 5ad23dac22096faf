import Foundation
import TestSupport
import Testing

@Suite struct BringYourOwnTrainerTests {
    private static let page = Golden.repository + "/docs/BringYourOwnTrainer.md"

    @Test func theSwiftOfThePageIsWhatIsCompiled() throws {
        let page = try String(contentsOfFile: Self.page, encoding: .utf8)
        let source = try String(
            contentsOfFile: Golden.repository + "/examples/bring-your-own-trainer/Sources/App/Bigram+Trainer.swift", encoding: .utf8)
        for section in source.components(separatedBy: "// MARK: ").dropFirst() {
            let code = section[section.firstIndex(of: "\n")!...].trimmingCharacters(in: .newlines)
            #expect(page.contains("```swift\n\(code)\n```"), "\(section.prefix(20))")
        }
    }

    @Test func thePythonOfThePageIsThatOfTheExample() throws {
        let example = try String(
            contentsOfFile: Golden.repository + "/examples/third_party_trainer.py", encoding: .utf8)
        let page = try String(contentsOfFile: Self.page, encoding: .utf8)
        let blocks = page.components(separatedBy: "```python\n").dropFirst().map { $0.components(separatedBy: "\n```")[0] }
        #expect(blocks.count > 5)
        for block in blocks { #expect(example.contains(block), "\(block)") }
        #expect(example.split(separator: "\n", omittingEmptySubsequences: false).count <= 186)
    }
}
