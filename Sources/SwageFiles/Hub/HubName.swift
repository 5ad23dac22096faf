import Swage

/// A model, or a part of one, by the name that it has on a hub: `org/name`, `org/name@revision`, `org/name:file.gguf`,
/// `org/name@revision:Q4_K_M`.
public struct HubName: Sendable, Hashable {
    /// `org/name`.
    public let repository: String
    /// A branch, a tag or a commit; nil for `main`.
    public let revision: String?
    /// What stands behind a colon: the path of a file, or the part of its name that tells it from others.
    public let part: String?

    /// The revision that is asked for.
    var wantedRevision: String { revision ?? "main" }

    /// Reads a name.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` for a text that cannot be one.
    public init(_ text: String) throws {
        let (head, part) = Self.cut(text, at: ":")
        let (repository, revision) = Self.cut(head, at: "@")
        guard let reason = Self.reason(repository, revision, part) else {
            (self.repository, self.revision, self.part) = (repository, revision, part)
            return
        }
        throw TrainerError(
            .invalidOption, "\"\(text)\" is no name of a hub: \(reason)",
            expected: "org/name, with @revision or :file.gguf behind it if need be")
    }

    /// The text as it is read.
    public var text: String { repository + (revision.map { "@" + $0 } ?? "") + (part.map { ":" + $0 } ?? "") }

    /// Whether a text can only be a path, by the way it is written: absolute, from here or from above, at home, or with a
    /// backslash; or a file's name without a folder.
    static func isWrittenAsPath(_ text: String) -> Bool {
        text.hasPrefix("/") || text.hasPrefix("~") || text.contains("\\") || text.hasSuffix("/")
            || text.split(separator: "/", omittingEmptySubsequences: false).first.map { [".", ".."].contains($0) } ?? true
    }

    private static func cut(_ text: String, at mark: Character) -> (String, String?) {
        guard let place = text.firstIndex(of: mark) else { return (text, nil) }
        return (String(text[..<place]), String(text[text.index(after: place)...]))
    }

    private static func reason(_ repository: String, _ revision: String?, _ part: String?) -> String? {
        let names = repository.split(separator: "/", omittingEmptySubsequences: false)
        guard names.count == 2 else { return "\"\(repository)\" is not two words with a slash between them" }
        if let odd = names.first(where: { !isWord($0) }) { return "\"\(odd)\" is no word of letters, digits, -, _ and ." }
        for mark in ["--", ".."] where repository.contains(mark) { return "\"\(repository)\" has \(mark) in it" }
        if repository.hasSuffix(".git") || repository.utf8.count > 192 { return "\"\(repository)\" names no repository" }
        if let revision, !HubPath.isRevision(revision) { return "\"\(revision)\" is no revision" }
        if let part, !HubPath.isInside(part) { return "\"\(part)\" is no file of a repository" }
        return nil
    }

    private static func isWord(_ word: Substring) -> Bool {
        func isPlain(_ letter: UInt8) -> Bool {
            switch letter {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "_"):
                true
            default: false
            }
        }
        let letters = Array(word.utf8)
        guard let first = letters.first, let last = letters.last, letters.count <= 96, isPlain(first), isPlain(last) else { return false }
        return letters.allSatisfy { isPlain($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
    }
}
