import Foundation
import Swage

/// Which files of a dataset's repository are the rows of a split, as the library `datasets` tells splits by the words of paths.
package enum HubDataFiles {
    /// The words of a path that mean a split, which may itself be any of them.
    private static let splits = [
        "train": ["train", "training"], "validation": ["validation", "valid", "dev", "val"],
        "test": ["test", "testing", "eval", "evaluation"],
    ]
    private static let read = ["jsonl", "ndjson", "json", "csv", "tsv"]
    /// What describes rows, and is none.
    private static let descriptions: Set = ["dataset_info.json", "dataset_infos.json", "state.json", "config.json"]

    /// The files of a split.
    /// - Parameters:
    ///   - paths: all files of the repository, sorted.
    ///   - split: `train` if it is nil.
    /// - Throws: ``TrainerError`` with code `invalidData` if there are none that can be read.
    package static func choice(_ name: HubName, among paths: [String], page: String) throws -> [String] {
        let split = name.part ?? "train"
        if let part = name.part, paths.contains(part) { return [part] }
        let files = paths.filter { isReadable($0) && !descriptions.contains(($0 as NSString).lastPathComponent.lowercased()) }
        let named = Set(splits.keys.filter { split in files.contains { isMeant($0, by: split) } }).union(files.compactMap(numbered))
        // Where no path says of which split it is, all of them are for training.
        let chosen = named.isEmpty && split == "train" ? files : files.filter { isMeant($0, by: split) || numbered($0) == split }
        if !chosen.isEmpty { return chosen }
        let other = paths.first { ["parquet", "arrow"].contains(($0 as NSString).pathExtension.lowercased()) }
        guard files.isEmpty else {
            let names = named.sorted().map { "\(name.repository):\($0)" } + files.prefix(8).map { "\(name.repository):\($0)" }
            throw TrainerError(
                .invalidData, "the dataset \(name.repository) has no split \(split)", expected: "one of \(names.joined(separator: ", "))")
        }
        throw TrainerError(
            .invalidData,
            "the dataset \(name.repository) has no file that can be read here" + (other.map { ", but \($0)" } ?? ""),
            expected: "JSON lines, JSON, CSV or TSV, also gzipped"
                + (other == nil
                    ? "; \(page) shows what there is"
                    : "; `swage data import \(name.repository):\(split) --output data.jsonl` makes them of it"))
    }

    private static func isReadable(_ path: String) -> Bool {
        let name = path.lowercased()
        return read.contains { name.hasSuffix("." + $0) || name.hasSuffix(".\($0).gz") }
    }

    /// `data/NAME-00000-of-00004.jsonl` is of the split of that name.
    private static func numbered(_ path: String) -> String? {
        path.firstMatch(of: /(?:^|\/)data\/([^\/]+)-\d{5}-of-\d+[^\/]*$/).map { String($0.1) }
    }

    /// Whether a word of the path, folders included, means the split.
    private static func isMeant(_ path: String, by split: String) -> Bool {
        let words = path.lowercased().split { $0 == "/" || $0 == "-" || $0 == "_" || $0 == "." || $0 == " " || $0.isNumber }
        let family = splits.first { $0.value.contains(split.lowercased()) }?.value ?? [split.lowercased()]
        return words.contains { family.contains(String($0)) }
    }
}

extension Hub {
    /// Finds data: a path that exists is a path, and anything else the name of a dataset, whose files of a split are fetched.
    /// - Parameters:
    ///   - data: a path, or `org/name`, with `@revision` and `:split` or `:file.jsonl` behind it if need be.
    ///   - tell: told how far it is, from any thread.
    /// - Returns: the paths of files.
    /// - Throws: ``Swage/TrainerError``; `CancellationError`.
    public func fetchData(_ data: String, tell: @escaping @Sendable (HubEvent) -> Void = { _ in }) async throws -> [String] {
        guard let name = try Self.dataName(data) else { return [data] }
        let repository = HubRepository(kind: .dataset, name: name.repository, cache: cache)
        let page = page(repository)
        return try await fetch(repository, name.wantedRevision, typed: data, tell: tell) {
            HubModelFiles.Choice(files: try HubDataFiles.choice(name, among: $0, page: page))
        }.paths
    }

    /// The name of a dataset that a text is; nil if it is a path.
    package static func dataName(_ data: String) throws -> HubName? {
        // What ends as files of data do is the path of one that is not there.
        let repository = data.prefix { $0 != ":" && $0 != "@" }.lowercased()
        let endings = ["jsonl", "json", "csv", "tsv", "gz", "txt", "parquet", "ndjson", "arrow", "zip", "zst"]
        return endings.contains((repository as NSString).pathExtension) ? nil : try name(data)
    }
}
