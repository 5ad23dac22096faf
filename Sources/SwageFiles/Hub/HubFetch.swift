import Foundation
import Swage
import SwageText
import Synchronization

/// A fetch of some files of one commit into the cache, on threads of its own.
final class HubFetch: Sendable {
    private let hub: Hub
    private let repository: HubRepository
    private let revision: String
    private let tell: @Sendable (HubEvent) -> Void
    private let state: Mutex<State>

    private struct State {
        var progress: HubProgress
        var isCancelled = false
        var failure: (any Error)?
        var lastTold: ContinuousClock.Instant?
    }

    /// How many files are fetched at once.
    private static let workers = 4

    init(_ hub: Hub, _ repository: HubRepository, revision: String, tell: @escaping @Sendable (HubEvent) -> Void) {
        (self.hub, self.repository, self.revision, self.tell) = (hub, repository, revision, tell)
        state = Mutex(State(progress: HubProgress(repository: repository.name)))
    }

    /// Ends the fetch soon; what has come of a file stays for the next one.
    func cancel() { state.withLock { $0.isCancelled = true } }

    private var isStopped: Bool { state.withLock { $0.isCancelled || $0.failure != nil } }

    private func client() throws -> HubClient {
        try HubClient(hub, isCancelled: { self.isStopped }, note: { self.tell(.note($0)) })
    }

    /// Has the files that are chosen in the cache.
    /// - Parameter choose: picks among the paths of all files that there are.
    /// - Returns: the folder of the commit, and what was chosen.
    /// - Throws: ``TrainerError``; `CancellationError`.
    func run(_ choose: ([String]) throws -> HubModelFiles.Choice) throws -> (folder: String, choice: HubModelFiles.Choice) {
        if hub.isOffline { return try fromCache(choose, because: nil) }
        let (commit, tree): (String, HubTree)
        do {
            (commit, tree) = try listing()
        } catch let failure as HTTPFailure {
            return try fromCache(choose, because: failure.reason)
        } catch let error as TrainerError where HubRefusal.leavesCache.contains(error.code) {
            // A hub that is down has said nothing of the model; and what somebody could fetch once is here to be read.
            guard let found = try? fromCache(choose, because: error.message) else { throw error }
            return found
        }
        do {
            return (repository.snapshot(commit), try fetch(choose, of: commit, tree))
        } catch let failure as HTTPFailure {
            throw unreachable(failure.reason)
        }
    }

    private func unreachable(_ reason: String) -> TrainerError {
        TrainerError(
            .connectionLost, "\(hub.endpoint) cannot be reached: \(reason)", expected: "the same command later; what was fetched stays")
    }

    /// The commit that is asked for, and its files.
    private func listing() throws -> (String, HubTree) {
        let client = try client()
        let known = repository.knownCommit(revision)
        let commit = HubPath.isCommit(revision) ? revision : try client.commit(of: revision, repository, isPatient: known == nil)
        if let tree = HubTree(cached: repository.tree(commit)) { return (commit, tree) }
        let tree = try client.tree(of: commit, repository)
        return (commit, tree)
    }

    private func fetch(
        _ choose: ([String]) throws -> HubModelFiles.Choice, of commit: String, _ tree: HubTree
    ) throws -> HubModelFiles.Choice {
        var choice = try choose(tree.paths)
        try keep(tree, of: commit)
        try fetch(choice.files, of: commit, tree)
        if let index = choice.index {
            let shards = try HubModelFiles.shards(index: "\(repository.snapshot(commit))/\(index)", among: tree.paths)
            choice.files += shards
            try fetch(shards, of: commit, tree)
        }
        // Last: a name that leads to a commit leads to one that is whole.
        try? repository.keep(commit, as: revision)
        return choice
    }

    /// Has the list of files in the cache, and the folder that they go to.
    private func keep(_ tree: HubTree, of commit: String) throws {
        guard access(repository.tree(commit), F_OK) != 0 else { return }
        // A cache that may not be written is good for what is in it.
        do {
            try makeFolder(repository.snapshot(commit))
            try SmallFile.write(tree.cachedJSON, to: repository.tree(commit), suffix: "tmp")
        } catch  where !FileManager.default.fileExists(atPath: repository.snapshot(commit)) {
            throw error
        } catch { /* What it lists is in the cache, or its fetch fails with the reason. */  }
    }

    private func fetch(_ files: [String], of commit: String, _ tree: HubTree) throws {
        let entries = files.map { (path: $0, entry: tree.entries[$0]!) }
        let missing = entries.filter { !repository.has($0.path, of: commit) }.sorted { $0.entry.contentSize < $1.entry.contentSize }
        let there = entries.filter { repository.has($0.path, of: commit) }
        change { progress in
            progress.totalFiles += entries.count
            progress.totalBytes += entries.reduce(0) { $0 + $1.entry.contentSize }
            progress.files += there.count
            progress.bytes += there.reduce(0) { $0 + $1.entry.contentSize }
        }
        guard !missing.isEmpty else { return }
        try requireRoom(missing.reduce(0) { $0 + $1.entry.contentSize })
        HubCache.mark(hub.cache)
        do {
            try Concurrently.run(missing, workers: Self.workers) { files in
                let client = try self.client()
                while let (path, entry) = files.next(), !self.isStopped {
                    do {
                        try self.fetch(path, entry, of: commit, client)
                    } catch {
                        self.state.withLock { $0.failure = $0.failure ?? error }
                        throw error
                    }
                }
            }
        } catch {
            // Once one has failed, others only say that they were stopped.
            throw state.withLock { $0.isCancelled ? CancellationError() : $0.failure ?? error }
        }
        if state.withLock({ $0.isCancelled }) { throw CancellationError() }
    }

    /// Has one file in the cache.
    private func fetch(_ path: String, _ entry: HubTree.Entry, of commit: String, _ client: HubClient) throws {
        let metadata = try client.metadata(path, of: commit, repository)
        let question = HubQuestion(repository, revision: commit, file: path)
        if let size = metadata.size, size != entry.contentSize {
            throw TrainerError(
                .corruptFile, "\(path) of \(repository.name) has \(size) bytes where it lies, and \(entry.contentSize) in the hub's list")
        }
        try makeFolder(repository.folder + "/blobs")
        let blob = repository.blob(metadata.tag)
        let lock = try HubLock(repository.lock(metadata.tag), isCancelled: { self.isStopped }) {
            tell(.note("Waiting for another program that fetches \(path)."))
        }
        try withExtendedLifetime(lock) {
            if access(blob, F_OK) == 0 {
                change { $0.bytes += entry.contentSize }
            } else {
                var known = true
                try HubContent(blob, size: entry.contentSize, checksum: entry.checksum, question: question).fetch(
                    metadata, client, again: { try client.metadata(path, of: commit, repository) }
                ) { count in
                    self.change {
                        $0.bytes += count
                        // The first is what was there before.
                        $0.fetchedBytes += known ? 0 : max(0, count)
                    }
                    known = false
                }
            }
            try repository.link(path, of: commit, to: metadata.tag)
        }
        change(isMilestone: true) { $0.files += 1 }
    }

    /// What the cache has, where the hub is not asked or does not answer.
    private func fromCache(
        _ choose: ([String]) throws -> HubModelFiles.Choice, because reason: String?
    ) throws -> (folder: String, choice: HubModelFiles.Choice) {
        let cause = reason.map { $0.hasPrefix(hub.endpoint) ? $0 : "\(hub.endpoint) cannot be reached: \($0)" } ?? "HF_HUB_OFFLINE is set"
        let remedy = reason == nil ? "HF_HUB_OFFLINE unset" : "the same command with a connection"
        let what = "\(repository.name)\(revision == "main" ? "" : "@" + revision)"
        guard let commit = repository.knownCommit(revision), FileManager.default.fileExists(atPath: repository.snapshot(commit)) else {
            throw TrainerError(HubRefusal.unknown, "\(what) is not in the cache \(hub.cache), and \(cause)", expected: remedy)
        }
        let folder = repository.snapshot(commit)
        do {
            let paths = HubTree(cached: repository.tree(commit))?.paths ?? HubCache.files(in: folder)
            var choice = try choose(paths)
            if let index = choice.index, repository.has(index, of: commit) {
                choice.files += try HubModelFiles.shards(index: "\(folder)/\(index)", among: paths)
            }
            guard let missing = choice.files.first(where: { !repository.has($0, of: commit) }) else {
                if reason != nil { tell(.note("\(cause). \(what) is as the cache has it.")) }
                return (folder, choice)
            }
            throw TrainerError(.inputOutput, "it has no \(missing)")
        } catch let error as TrainerError {
            throw TrainerError(
                .connectionLost, "\(what) is not whole in the cache, and \(cause): \(error.message)", expected: error.expected ?? remedy)
        }
    }

    private func requireRoom(_ bytes: Int) throws {
        var room = statvfs()
        guard statvfs(hub.cache, &room) == 0 else { return }
        let (free, overflows) = UInt64(room.f_bavail).multipliedReportingOverflow(by: UInt64(room.f_frsize))
        guard !overflows, free < UInt64(bytes) else { return }
        throw TrainerError(
            .tooLarge, "\(repository.name) takes \(bytes) bytes, and the disk of \(hub.cache) has \(free)",
            expected: "room there, or a cache elsewhere, which HF_HUB_CACHE names")
    }

    private func change(isMilestone: Bool = false, _ body: (inout HubProgress) -> Void) {
        let now = ContinuousClock.now
        let told: HubProgress? = state.withLock { state in
            body(&state.progress)
            guard isMilestone || state.lastTold.map({ $0.duration(to: now) > .milliseconds(100) }) ?? true else { return nil }
            state.lastTold = now
            return state.progress
        }
        if let told { tell(.progress(told)) }
    }
}
