import Foundation
import Swage
import SwageRecipes
import Testing
import TestSupport

@Suite struct RewardsPageTests {
    @Test func theSwiftOfThePageIsWhatIsCompiled() throws {
        let page = try String(contentsOfFile: Golden.repository + "/docs/Rewards.md", encoding: .utf8)
        let source = try String(
            contentsOfFile: Golden.repository + "/Tests/SwageRecipesTests/RewardsPage.swift", encoding: .utf8)
        for section in source.components(separatedBy: "// MARK: ").dropFirst() {
            let code = section[section.firstIndex(of: "\n")!...].trimmingCharacters(in: .newlines)
            #expect(page.contains("\(code)\n```"), "\(section.prefix(20))")
        }
    }

    @Test func andItRuns() async throws {
        try await withTemporaryDirectory { directory in
            let outcome = try await learnToBeBrief(model: Golden.decoder("llama"), output: directory + "/run", steps: 2)
            guard case .finished(let report) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(report.end.steps == 2 && report.after?.problems == 8)
        }
        let answer = try await Calculator().respond(to: "Let me see: <calc>12 + 7</calc>")
        #expect(answer == [ChatMessage(role: "user", content: "19")])
        #expect(try await Calculator().respond(to: "It is 19.") == nil)
    }
}
