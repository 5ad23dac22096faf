#if Engines
import Foundation
import Swage
import SwageFiles

/// A folder of checkpoints that a server writes and this side sees as well, whatever engine has written them.
struct SharedCheckpoints {
    let directory: String
    private var store: CheckpointStore { CheckpointStore(directory: directory) }

    /// Where to go on from: the newest complete one; or, of another format than ours, all of them, the newest first. Which of
    /// those is complete, their trainer knows alone.
    /// - Throws: ``Swage/TrainerError`` with code `checkpointNotFound`.
    func candidates() throws -> [String] {
        do {
            return [try store.newestComplete()]
        } catch let error as TrainerError where error.code == .checkpointNotFound {
            guard !foreign.isEmpty else { throw error }
            return foreign
        }
    }

    /// Removes old ones of our format. Those of another are for their engine to remove: nothing says here what is in them.
    func keepNewest(_ count: Int, written: String) { store.keepNewest(count, written: written) }

    private var foreign: [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        let written = names.filter { !$0.hasPrefix(".") }.map { "\(directory)/\($0)" }.compactMap { path -> (path: String, time: Date)? in
            let found = try? FileManager.default.attributesOfItem(atPath: path)
            guard found?[.type] as? FileAttributeType == .typeDirectory, let time = found?[.modificationDate] as? Date,
                !FileManager.default.fileExists(atPath: "\(path)/\(CheckpointManifest.fileName)")
            else { return nil }
            return (path, time)
        }
        return written.sorted { $0.time > $1.time }.map(\.path)
    }
}
#endif
