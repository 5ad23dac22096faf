import Foundation
import SwageText

/// What a cache holds of a repository.
package struct CachedRepository: Sendable {
    let repository: HubRepository
    /// The commits, the newest last.
    package let commits: [Commit]
    /// Of all contents, each counted once, and of those that are there in part, in bytes.
    package let (bytes, incompleteBytes): (Int, Int)

    /// A commit of it.
    package struct Commit: Sendable {
        package let id: String
        /// The branches and tags that it was last.
        package let revisions: [String]
        /// The paths of its files.
        package let files: [String]
        /// In bytes.
        package let bytes: Int
        /// The tags of its contents.
        let tags: Set<String>
        let modified: Date
    }

    /// `org/name`, or `datasets/org/name`.
    package var name: String { repository.kind.prefix + repository.name }

    init?(_ repository: HubRepository) {
        self.repository = repository
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: repository.folder + "/snapshots") else { return nil }
        var revisions: [String: [String]] = [:]
        for revision in HubCache.files(in: repository.folder + "/refs") where HubPath.isRevision(revision) {
            guard let commit = repository.knownCommit(revision) else { continue }
            revisions[commit, default: []].append(revision)
        }
        commits = names.filter(HubPath.isCommit).map { Self.commit($0, repository, revisions[$0] ?? []) }
            .sorted { ($0.modified, $0.id) < ($1.modified, $1.id) }
        let blobs = HubCache.files(in: repository.folder + "/blobs").map { ($0, Self.size("\(repository.folder)/blobs/\($0)")) }
        bytes = blobs.reduce(0) { $0 + ($1.0.hasSuffix(".incomplete") ? 0 : $1.1) }
        incompleteBytes = blobs.reduce(0) { $0 + ($1.0.hasSuffix(".incomplete") ? $1.1 : 0) }
    }

    private static func commit(_ id: String, _ repository: HubRepository, _ revisions: [String]) -> Commit {
        let folder = repository.snapshot(id)
        let files = HubCache.files(in: folder)
        let tags = files.compactMap { file in
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(file)")).map { ($0 as NSString).lastPathComponent }
        }
        let modified = (try? FileManager.default.attributesOfItem(atPath: folder))?[.modificationDate] as? Date ?? .distantPast
        return Commit(
            id: id, revisions: revisions.sorted(), files: files, bytes: files.reduce(0) { $0 + size("\(folder)/\($1)") }, tags: Set(tags),
            modified: modified)
    }

    private static func size(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }
}

extension Hub {
    /// All repositories in the cache, by name.
    package func cached() -> [CachedRepository] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: cache)) ?? []
        return names.compactMap { HubRepository(folderName: $0, cache: cache).flatMap(CachedRepository.init) }
            .sorted { $0.name < $1.name }
    }

    /// What the place of a model is called in the hub, if it lies in a cache: `org/name`.
    package static func name(ofCached path: String) -> String? {
        var folder = path as NSString
        while folder.length > 1 {
            if let name = HubRepository.name(ofSnapshot: folder as String) { return name }
            folder = folder.deletingLastPathComponent as NSString
        }
        return nil
    }
}
