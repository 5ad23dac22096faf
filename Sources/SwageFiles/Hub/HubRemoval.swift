import Foundation
import Swage

/// What is taken out of a cache: a repository, or one commit of it with the contents that no other commit has.
package struct HubRemoval: Sendable {
    private let cached: CachedRepository
    /// Nil for the whole repository.
    private let commit: CachedRepository.Commit?

    /// `org/name`, or `org/name@revision`; of a dataset, with `datasets/` before it.
    package let name: String

    /// How many bytes are free then.
    package var bytes: Int {
        guard commit != nil else { return cached.bytes + cached.incompleteBytes }
        return tags.reduce(0) { sum, tag in
            var status = stat()
            return sum + (stat(cached.repository.blob(tag), &status) == 0 ? Int(status.st_size) : 0)
        }
    }

    /// Finds what a name means in a cache, and touches nothing.
    /// - Throws: ``TrainerError`` with code `inputOutput` if it is not there.
    package init(_ text: String, from hub: Hub) throws {
        let isDataset = text.hasPrefix(HubRepository.Kind.dataset.prefix)
        let name = try HubName(isDataset ? String(text.dropFirst(HubRepository.Kind.dataset.prefix.count)) : text)
        guard name.part == nil else {
            throw TrainerError(.invalidOption, "\(text) is a file of a model", expected: "org/name or org/name@revision, all of which goes")
        }
        guard
            let cached = hub.cached().first(where: {
                $0.repository.name == name.repository && $0.repository.kind == (isDataset ? .dataset : .model)
            })
        else {
            throw TrainerError(
                .inputOutput, "\(text) is not in the cache \(hub.cache)", expected: "a name that `swage models list` shows")
        }
        self.cached = cached
        self.name = text
        guard let revision = name.revision else {
            commit = nil
            return
        }
        commit = cached.commits.first { $0.id == revision || $0.revisions.contains(revision) }
        guard commit != nil else {
            throw TrainerError(
                .inputOutput, "\(text) is not in the cache \(hub.cache)",
                expected: "one of \(cached.commits.flatMap { $0.revisions + [$0.id] }.joined(separator: ", "))")
        }
    }

    /// The contents that only this commit has.
    private var tags: Set<String> {
        guard let commit else { return [] }
        return cached.commits.filter { $0.id != commit.id }.reduce(commit.tags) { $0.subtracting($1.tags) }
    }

    /// Removes it.
    /// - Throws: ``TrainerError`` with code `busy` if another program fetches it, or `inputOutput`.
    package func run() throws {
        let repository = cached.repository
        let names = (try? FileManager.default.contentsOfDirectory(atPath: repository.locks)) ?? []
        let locks = try names.filter { $0.hasSuffix(".lock") }.map { name in
            guard let lock = try HubLock(ifFree: "\(repository.locks)/\(name)") else {
                throw TrainerError(.busy, "\(repository.name) is being fetched by another program", expected: "its end")
            }
            return lock
        }
        try withExtendedLifetime(locks) {
            guard let commit else {
                // What leads to contents goes before them, so that nothing is left that leads nowhere.
                for part in ["refs", "snapshots", "trees", ".no_exist", "blobs"] { try Self.remove("\(repository.folder)/\(part)") }
                // With something else in it, which is none of ours, the folder stays.
                rmdir(repository.folder)
                return try Self.remove(repository.locks)
            }
            for revision in commit.revisions { try Self.remove(repository.reference(revision)) }
            for path in [repository.snapshot(commit.id), repository.tree(commit.id), "\(repository.folder)/.no_exist/\(commit.id)"] {
                try Self.remove(path)
            }
            for tag in tags { try Self.remove(repository.blob(tag)) }
        }
    }

    private static func remove(_ path: String) throws {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            throw systemError("cannot be removed", path)
        }
    }
}
