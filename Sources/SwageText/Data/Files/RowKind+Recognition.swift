import Foundation
import Swage

extension RowKind {
    /// How much of a file is looked at.
    private static let beginning = 1 << 20

    /// Tells by what is in a file how its rows are written, and by its name where that says nothing.
    /// - Throws: ``TrainerError`` with code `invalidData` for what has no rows that are read.
    init(of content: RowContent) throws {
        let bytes = try content.beginning(Self.beginning)
        try FileSignature.refuse(bytes, path: content.path)
        self = try bytes.withUnsafeBytes { raw in
            let bytes = raw.bindMemory(to: UInt8.self)
            let first = bytes.dropFirst(bytes.beginsWithMark ? 3 : 0).first { !$0.isJSONSpace }
            switch first {
            case nil: return .lines
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                if Self.ending(of: content.path).isTable, !bytes.beginsLikeJSON { return try Self.table(bytes, content) ?? .lines }
                if first == UInt8(ascii: "[") { return .list }
                try WholeObject.refuse(bytes, path: content.path, isWhole: bytes.count == content.count)
                return .lines
            case UInt8(ascii: "<"):
                throw TrainerError(
                    .invalidData, "\(content.path) begins with <, as a page of the web does", expected: "JSON lines, JSON, CSV or TSV")
            default: return try Self.table(bytes, content) ?? .lines
            }
        }
    }

    /// The endings of names of files that hold JSON, whatever they begin with.
    private static let json: Set = ["jsonl", "ndjson", "json", "jsonlines"]
    /// Names of columns by which a file is taken for a table that does not call itself one.
    private static let columns: Set = [
        "messages", "conversations", "prompt", "completion", "chosen", "rejected", "text", "question", "answer", "instruction", "input",
        "output", "response", "system", "tools",
    ]

    /// The ending of a file's name, but for that of gzip, and whether it is a table's.
    private static func ending(of path: String) -> (text: String, isTable: Bool) {
        var name = path as NSString
        if name.pathExtension.lowercased() == "gz" { name = name.deletingPathExtension as NSString }
        let ending = name.pathExtension.lowercased()
        return (ending, ["csv", "tsv"].contains(ending))
    }

    private static func table(_ bytes: UnsafeBufferPointer<UInt8>, _ content: RowContent) throws -> RowKind? {
        let (ending, isTable) = ending(of: content.path)
        guard !json.contains(ending) else { return nil }
        do {
            // The header is the first line that is not blank.
            let mark = bytes.beginsWithMark ? 3 : 0
            let first = bytes[mark...].firstIndex { !$0.isJSONSpace } ?? mark
            let start = bytes[mark..<first].lastIndex(of: 0x0A).map { $0 + 1 } ?? mark
            let separator = separator(of: bytes[start...], isTSV: ending == "tsv")
            let scanner = TableScanner(separator: separator)
            guard let end = try scanner.row(from: start, in: bytes, isLast: bytes.count == content.count)?.end else {
                throw TrainerError(
                    .invalidData, "line 1: the header is longer than \(bytes.count) bytes", expected: "the names of the columns")
            }
            let row = Data(bytes[start..<end])
            var isQuoted = false
            let endsLineAlone = row.dropLast().contains { byte in
                if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
                return byte == 0x0D && !isQuoted
            }
            if endsLineAlone {
                throw TrainerError(
                    .invalidData, "its lines end with a carriage return alone, or the header holds one",
                    expected: "line feeds, with or without a carriage return before them")
            }
            let header = try TableHeader(row, separator: separator)
            if header.names.count == 1, row.contains(UInt8(ascii: ";")) {
                throw TrainerError(.invalidData, "its cells are separated by semicolons", expected: "commas or tabs")
            }
            return isTable || header.names.contains(where: columns.contains) ? .table(header) : nil
        } catch let error as TrainerError {
            guard isTable else { return nil }
            throw error.placed(in: content.path)
        }
    }

    /// What occurs more often in the first line, outside of double quotes; by the name of the file where neither does.
    private static func separator(of bytes: Slice<UnsafeBufferPointer<UInt8>>, isTSV: Bool) -> UInt8 {
        var (tabs, commas, isQuoted) = (0, 0, false)
        line: for byte in bytes {
            switch byte {
            case UInt8(ascii: "\""): isQuoted.toggle()
            case _ where isQuoted: break
            case 0x0A: break line
            case 0x09: tabs += 1
            case UInt8(ascii: ","): commas += 1
            default: break
            }
        }
        return tabs > commas || (tabs == commas && isTSV) ? 0x09 : UInt8(ascii: ",")
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Whether what begins with a brace or a bracket goes on as JSON does, where a table's header could begin so too.
    fileprivate var beginsLikeJSON: Bool {
        let two = lazy.filter { !$0.isJSONSpace && $0 < 0x80 }.prefix(2)
        let (first, second) = (two.first, two.dropFirst().first)
        return first == UInt8(ascii: "{")
            ? second == UInt8(ascii: "\"") || second == UInt8(ascii: "}") : second == UInt8(ascii: "{") || second == UInt8(ascii: "]")
    }
}
