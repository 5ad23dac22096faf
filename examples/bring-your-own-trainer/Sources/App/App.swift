import BigramVendor
import Foundation
import SwageConformance

/// Puts the vendor's model through the nine promises of a trainer, and says which it keeps.
@main
enum App {
    static func main() async throws {
        let workspace = FileManager.default.temporaryDirectory.appendingPathComponent("bigram-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: workspace) }
        let make = { @Sendable (directory: String) in Bigram(vocabulary: 40, rate: 0.5, directory: directory) }
        let findings = await Conformance(
            .init(vocabularySize: 40, workspace: workspace, isBitExact: false, makeTrainer: make, reference: .trainer(make))
        ).run()
        for finding in findings { print(finding) }
        let broken = findings.count { $0.failure != nil }
        print("\(findings.count - broken) passed, \(broken) failed")
        if broken > 0 { exit(1) }
    }
}
