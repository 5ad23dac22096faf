#if Engines
import Foundation
import Swage
import SwageFiles

/// A folder of checkpoints that a server writes and this side sees as well, whatever engine has written them.
struct SharedCheckpoints {
    let directory: String
    private var store: CheckpointStore { CheckpointStore(directory: directory) }

    /// The newest complete one; of a format that is not ours, the one of the highest step.
    /// - Throws: ``Swage/TrainerError`` with code `checkpointNotFound`.
    func newest() throws -> String {
        do {
            return try store.newestComplete()
        } catch let error as TrainerError where error.code == .checkpointNotFound {
            guard let step = foreignSteps.max() else { throw error }
            return "\(directory)/step-\(step)"
        }
    }

    /// Removes old ones of our format. Those of another are for their engine to remove: nothing says here what is in them.
    func keepNewest(_ count: Int, written: String) { store.keepNewest(count, written: written) }

    private var foreignSteps: [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.filter {
            !FileManager.default.fileExists(atPath: "\(directory)/\($0)/\(CheckpointManifest.fileName)")
        }.compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst(5)) : nil }
    }
}
#endif
