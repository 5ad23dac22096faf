package import Foundation
import Swage
import SwageText

/// All files of a commit, by path: what the hub lists, and what the cache keeps of it in huggingface_hub's form.
package struct HubTree: Sendable {
    struct Entry: Sendable {
        /// In bytes.
        let size: Int
        let blobID: String
        var lfs: (sha256: String, size: Int)?
        var xetHash: String?

        var checksum: HubChecksum { lfs.map { HubChecksum(sha256: $0.sha256) } ?? HubChecksum(gitSHA1: blobID) }
        var contentSize: Int { lfs?.size ?? size }
    }

    private(set) var entries: [String: Entry] = [:]
    /// Those that can be files here, in the order of ``sorted``.
    package var paths: [String] { sorted.filter(HubPath.isInside) }

    /// All, in the order of their letters' numbers, as Python sorts them.
    private var sorted: [String] { entries.keys.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) } }

    package init() {}

    /// What `trees/<commit>.json` holds; nil if it is not there, or of another form.
    init?(cached path: String) {
        guard let data = try? PlainFile.content(of: path, limit: 1 << 28), let field = try? JSONField(json: data, file: path),
            (try? field["format_version"]?.integer(1...1)) != nil, let files = try? field["files"]?.members()
        else { return nil }
        for (path, field) in files {
            guard !HubPath.leadsOut(path), let entry = try? Self.entry(cached: field) else { return nil }
            entries[path] = entry
        }
    }

    /// Takes over a page of the hub's list.
    /// - Throws: ``TrainerError`` with code `corruptFile` for what is no such list.
    package mutating func add(page data: Data, from place: String) throws {
        let list = try JSONField(JSONValue(json: data, file: place), file: place).list()
        for field in list where try field.required("type").text() == "file" {
            let path = try field.required("path").text()
            guard !HubPath.leadsOut(path) else {
                throw TrainerError(.corruptFile, "\(place) lists the file \"\(path)\", which would lie elsewhere than in its folder")
            }
            entries[path] = try Self.entry(listed: field)
        }
    }

    private static let sizes = 0...(1 << 50)

    private static func entry(listed field: JSONField) throws -> Entry {
        var entry = Entry(size: try field.required("size").integer(sizes), blobID: try digest(field.required("oid"), 40))
        if let lfs = field["lfs"] {
            entry.lfs = (try digest(lfs.required("oid"), 64), try lfs.required("size").integer(sizes))
        }
        entry.xetHash = try field["xetHash"]?.text()
        return entry
    }

    private static func entry(cached field: JSONField) throws -> Entry {
        var entry = Entry(size: try field.required("size").integer(sizes), blobID: try digest(field.required("blob_id"), 40))
        if let sha256 = field["lfs_sha256"] {
            entry.lfs = (try digest(sha256, 64), try field.required("lfs_size").integer(sizes))
        }
        entry.xetHash = try field["xet_hash"]?.text()
        return entry
    }

    private static func digest(_ field: JSONField, _ count: Int) throws -> String {
        let text = try field.text()
        guard HubPath.isHexadecimal(text, count) else { throw field.wrong("\(count) hexadecimal digits") }
        return text
    }

    /// The list as the cache keeps it: as Python's `json.dump` writes it with an indent of 1.
    package var cachedJSON: String {
        let files = sorted.map { path in
            let entry = entries[path]!
            var members = ["\"size\": \(entry.size)", "\"blob_id\": \"\(entry.blobID)\""]
            if let lfs = entry.lfs { members += ["\"lfs_sha256\": \"\(lfs.sha256)\"", "\"lfs_size\": \(lfs.size)"] }
            if let xetHash = entry.xetHash { members.append("\"xet_hash\": \(Self.quoted(xetHash))") }
            return "  \(Self.quoted(path)): {\n" + members.map { "   \($0)" }.joined(separator: ",\n") + "\n  }"
        }
        let object = files.isEmpty ? "{}" : "{\n\(files.joined(separator: ",\n"))\n }"
        return "{\n \"format_version\": 1,\n \"files\": \(object)\n}"
    }

    /// A text of JSON in ASCII alone, as Python writes it.
    private static func quoted(_ text: String) -> String {
        let short: [UInt16: String] = [0x22: "\\\"", 0x5C: "\\\\", 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x08: "\\b", 0x0C: "\\f"]
        let letters = text.utf16.map { unit in
            if let escape = short[unit] { return escape }
            if 0x20..<0x7F ~= unit { return String(UnicodeScalar(UInt8(unit))) }
            let digits = String(unit, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
        return "\"" + letters.joined() + "\""
    }
}
