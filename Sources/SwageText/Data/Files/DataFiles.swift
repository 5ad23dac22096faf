import Foundation
import Swage

/// Finds the files of sources, in their order, each of them once.
struct DataFiles {
    /// A file, and the source that it belongs to.
    struct Found {
        let path: String
        let source: Int
        let file: PlainFile.Identity?
    }

    private(set) var found: [Found] = []
    private var known: [PlainFile.Identity: String] = [:]

    /// - Throws: ``TrainerError`` with code `inputOutput` for what is not there, and `invalidOption` for what comes twice or a
    ///   folder without data.
    init(_ sources: [DataSource]) throws {
        for (number, source) in sources.enumerated() {
            if source.path == DataSource.standardInput {
                guard !found.contains(where: { $0.file == nil }) else {
                    throw TrainerError(.invalidOption, "- is given twice", expected: "it once: what is piped in can be read once")
                }
                found.append(Found(path: source.path, source: number, file: nil))
                continue
            }
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: source.path, isDirectory: &isFolder), isFolder.boolValue {
                let before = found.count
                try addFolder(source.path, source: number, above: [])
                guard found.count > before else {
                    throw TrainerError(
                        .invalidOption, "the folder \(source.path) has no files of data",
                        expected: "files of JSON lines, JSON, CSV or TSV in it or below it, also compressed by gzip")
                }
            } else {
                try addFile(source.path, source: number)
            }
        }
    }

    private mutating func addFile(_ path: String, source: Int) throws {
        let file = try PlainFile(path).identity
        if let other = known.updateValue(path, forKey: file) {
            throw TrainerError(
                .invalidOption, other == path ? "\(path) is given twice" : "\(other) and \(path) are the same file",
                expected: "each file once; a weight as in \(path)*2 makes its rows come more often")
        }
        found.append(Found(path: path, source: source, file: file))
    }

    /// - Parameter above: the folders in which it lies: a link to one of them leads round in a circle.
    private mutating func addFolder(_ path: String, source: Int, above: [PlainFile.Identity]) throws {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw TrainerError(.inputOutput, "\(path) cannot be read: \(String(cString: strerror(errno)))")
        }
        let folder = PlainFile.Identity(status)
        if above.contains(folder) { return }
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: path)
        } catch {
            throw TrainerError(.inputOutput, "\(path) cannot be read: \(error.summary)")
        }
        let ordered = names.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
        for name in ordered where !name.hasPrefix(".") {
            let inner = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: inner, isDirectory: &isFolder), isFolder.boolValue {
                try addFolder(inner, source: source, above: above + [folder])
            } else if !Self.isAboutData(name) {
                try Self.refuse(inner)
                try addFile(inner, source: source)
            }
        }
    }

    /// What lies beside data and is none: a description, a licence, a program that made it.
    private static func isAboutData(_ name: String) -> Bool {
        let lower = name.lowercased()
        let ending = (lower as NSString).pathExtension
        return endingsBesideData.contains(ending) || namesBesideData.contains(lower)
    }

    private static let endingsBesideData: Set = [
        "md", "rst", "html", "pdf", "py", "sh", "ipynb", "yaml", "yml", "toml", "png", "jpg", "svg", "lock", "sha256", "md5",
    ]
    private static let namesBesideData: Set = [
        "license", "licence", "readme", "notice", "makefile", "_success", "license.txt", "readme.txt", "checksums.txt", "sha256sums",
        "dataset_info.json", "dataset_infos.json", "state.json",
    ]

    /// The kinds of data that are told by their endings, and what to do with them.
    private static let kindsNotRead = [
        "parquet": "Parquet", "arrow": "Arrow", "feather": "Arrow", "xlsx": "Excel", "xls": "Excel", "ods": "OpenDocument",
        "zip": "zip", "7z": "7z",
        "rar": "rar", "tar": "tar", "tgz": "tar", "zst": "zstd", "bz2": "bzip2", "xz": "xz", "lz4": "lz4", "br": "Brotli",
        "db": "a database", "sqlite": "SQLite", "pkl": "pickle", "pickle": "pickle", "pt": "PyTorch", "npy": "NumPy", "npz": "NumPy", "h5": "HDF5",
        "avro": "Avro", "orc": "ORC", "tfrecord": "TFRecord", "xml": "XML",
    ]

    private static func refuse(_ path: String) throws {
        guard let kind = kindsNotRead[(path as NSString).pathExtension.lowercased()] else { return }
        throw TrainerError(
            .invalidData, "\(path) is of a kind that is not read (\(kind))",
            expected: "JSON lines, JSON, CSV or TSV, also compressed by gzip; turn it into one of them"
                + (["Parquet", "Arrow"].contains(kind) ? " (swage data import does)" : "") + ", or move it out of the folder")
    }
}
