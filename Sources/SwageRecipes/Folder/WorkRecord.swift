import Swage
import SwageText

/// What stands in `run.json` and `evaluation.json`: what work is, and every file that it has made.
struct WorkRecord: Recorded {
    static let currentFormat = 2

    var format = WorkRecord.currentFormat
    /// Nil where nothing was begun: an earlier run was removed, but for files of others in its folders.
    var identity: RunIdentity?
    /// What was measured before the first step, once it was.
    var before: RecordedValue?
    var isMeasured = false
    /// Files, and folders before what is in them, as paths within the folder.
    var files: [String] = []
    /// Whether an earlier version of Swage has written it, which did not note what it read and made.
    private(set) var isOld = false

    private enum CodingKeys: String, CodingKey { case format, identity, before, isMeasured, files, settings }

    init() {}

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        guard values.contains(.format) else {
            _ = try values.decode([String: String].self, forKey: .settings)
            isOld = true
            return
        }
        format = try values.decode(Int.self, forKey: .format)
        guard format == Self.currentFormat else { return }
        identity = try values.decodeIfPresent(RunIdentity.self, forKey: .identity)
        before = try values.decodeIfPresent(RecordedValue.self, forKey: .before)
        isMeasured = try values.decodeIfPresent(Bool.self, forKey: .isMeasured) ?? false
        files = try values.decode([String].self, forKey: .files)
    }

    func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(format, forKey: .format)
        try values.encodeIfPresent(identity, forKey: .identity)
        try values.encodeIfPresent(before, forKey: .before)
        try values.encode(isMeasured, forKey: .isMeasured)
        try values.encode(files, forKey: .files)
    }

    var fault: String? {
        if format != Self.currentFormat { return "\"format\" is \(format), and this version knows \(Self.currentFormat)" }
        return files.first { !Self.isWithin($0) }.map { "\"files\" names \"\($0)\"" }
    }

    /// Whether a path stays in the folder that it is relative to.
    private static func isWithin(_ path: String) -> Bool {
        let names = path.split(separator: "/", omittingEmptySubsequences: false)
        return !names.isEmpty && names.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
    }
}
