import Foundation
import Swage
import SwageText

/// A repository of a hub, and the folder that the cache has for it:
///
///     models--org--name/blobs/<tag>                the contents, each by the tag that the hub gives it
///     models--org--name/snapshots/<commit>/<file>  links to them
///     models--org--name/refs/<revision>            the commit that a branch or a tag was last
///     models--org--name/trees/<commit>.json        all files of a commit
///     .locks/models--org--name/<tag>.lock          held by whoever fetches a content
struct HubRepository: Sendable, Hashable {
    enum Kind: String, Sendable, CaseIterable {
        case model, dataset

        /// What stands before the name in an address.
        var prefix: String { self == .model ? "" : "datasets/" }
    }

    let kind: Kind
    /// `org/name`.
    let name: String
    /// The cache.
    let cache: String

    private var folderName: String { "\(kind.rawValue)s--" + name.split(separator: "/").joined(separator: "--") }
    var folder: String { "\(cache)/\(folderName)" }
    var locks: String { "\(cache)/.locks/\(folderName)" }

    func blob(_ tag: String) -> String { "\(folder)/blobs/\(tag)" }
    func snapshot(_ commit: String) -> String { "\(folder)/snapshots/\(commit)" }
    func reference(_ revision: String) -> String { "\(folder)/refs/\(revision)" }
    func tree(_ commit: String) -> String { "\(folder)/trees/\(commit).json" }
    func lock(_ tag: String) -> String { "\(locks)/\(tag).lock" }

    /// The commit that a revision was last, as far as the cache knows.
    func knownCommit(_ revision: String) -> String? {
        if HubPath.isCommit(revision) { return revision }
        let text = (try? PlainFile.content(of: reference(revision), limit: 4096)).map { String(decoding: $0, as: UTF8.self) }
        return text.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }.flatMap { HubPath.isCommit($0) ? $0 : nil }
    }

    /// Keeps what commit a revision is.
    func keep(_ commit: String, as revision: String) throws {
        guard revision != commit, knownCommit(revision) != commit else { return }
        try SmallFile.write(commit, to: reference(revision), suffix: "tmp")
    }

    /// Whether a file of a commit is in the cache with its content.
    func has(_ file: String, of commit: String) -> Bool { access("\(snapshot(commit))/\(file)", F_OK) == 0 }

    /// Has a file of a commit lead to its content.
    func link(_ file: String, of commit: String, to tag: String) throws {
        let path = "\(snapshot(commit))/\(file)"
        try makeFolder((path as NSString).deletingLastPathComponent)
        let up = String(repeating: "../", count: 2 + file.split(separator: "/").count - 1)
        let target = "\(up)blobs/\(tag)"
        // What leads nowhere, or elsewhere, goes.
        while symlink(target, path) != 0 {
            guard errno == EEXIST else { throw systemError("cannot be linked", path) }
            if (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) == target { return }
            if unlink(path) != 0, errno != ENOENT { throw systemError("cannot be replaced", path) }
        }
    }

    /// Where the model in such a folder comes from: `org/name`; nil for any other folder.
    static func name(ofSnapshot folder: String) -> String? {
        let parts = folder.split(separator: "/")
        guard parts.count >= 3, HubPath.isCommit(String(parts[parts.count - 1])), parts[parts.count - 2] == "snapshots" else { return nil }
        return Self(folderName: String(parts[parts.count - 3]), cache: "")?.name
    }

    init(kind: Kind, name: String, cache: String) { (self.kind, self.name, self.cache) = (kind, name, cache) }

    /// The repository that a folder of the cache is for; nil for a folder that is none of its.
    init?(folderName: String, cache: String) {
        let parts = folderName.components(separatedBy: "--")
        guard let kind = Kind.allCases.first(where: { "\($0.rawValue)s" == parts.first }), 2...3 ~= parts.count else { return nil }
        let name = parts.dropFirst().joined(separator: "/")
        guard HubPath.isInside(name) else { return nil }
        self.init(kind: kind, name: name, cache: cache)
    }
}

/// Makes a folder, and those above it.
func makeFolder(_ path: String) throws {
    do {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
        throw TrainerError(
            .inputOutput, "\(path) cannot be made: \(error.summary)", expected: "a cache that can be written; HF_HOME names another")
    }
}
