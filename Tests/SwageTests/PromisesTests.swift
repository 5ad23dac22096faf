import Foundation
import Testing
import TestSupport

/// The promises of `Trainer` stand in its documentation; whoever implements it elsewhere reads the same words.
@Suite struct PromisesTests {
    /// The text of each promise in a file, without marks of code and of comments.
    private func promises(in path: String) throws -> [String] {
        let lines = try String(contentsOfFile: "\(Golden.repository)/\(path)", encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.drop { "/ ".contains($0) }.replacing("`", with: "") }
        var found: [String] = []
        for line in lines {
            if line.hasPrefix("\(found.count + 1). ") {
                found.append(String(line.dropFirst(3)))
            } else if line.isEmpty || found.isEmpty {
                if !found.isEmpty { break }
            } else {
                found[found.count - 1] += " " + line
            }
        }
        return found
    }

    @Test(arguments: ["proto/swage/v1/trainer.proto", "docs/BringYourOwnTrainer.md"])
    func standInTheSameWords(_ path: String) throws {
        let own = try promises(in: "Sources/Swage/Trainer/Trainer.swift")
        #expect(own.count == 9)
        #expect(try promises(in: path) == own)
    }
}
