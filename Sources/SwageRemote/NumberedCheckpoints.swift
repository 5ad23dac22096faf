#if Engines
import Foundation
import Swage

/// Checkpoints named `step-N` in a folder, whatever engine has written them: one that is there is complete.
struct NumberedCheckpoints {
    let directory: String

    /// The one of the highest step.
    /// - Throws: ``Swage/TrainerError`` with code `checkpointNotFound`.
    func newest() throws -> String {
        guard let newest = steps.last else {
            throw TrainerError(
                .checkpointNotFound, "there is no complete checkpoint in \(directory)", expected: "a folder that save has written")
        }
        return "\(directory)/step-\(newest)"
    }

    func keepNewest(_ count: Int) {
        for step in steps.dropLast(count) { try? FileManager.default.removeItem(atPath: "\(directory)/step-\(step)") }
    }

    private var steps: [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst(5)) : nil }.sorted()
    }
}
#endif
