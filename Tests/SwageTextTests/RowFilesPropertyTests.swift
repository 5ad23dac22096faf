import Foundation
import Swage
import SwageText
import Testing
import TestSupport

/// Random rows in files of every kind, whole and damaged.
@Suite(.timeLimit(.minutes(30))) struct RowFilesPropertyTests {
    private struct Draws {
        var generator: SeededGenerator

        init(_ seed: Int) { generator = SeededGenerator(seed: UInt64(seed), stream: 1) }

        mutating func below(_ count: Int) -> Int { Int.random(in: 0..<count, using: &generator) }

        mutating func text() -> String {
            let pieces = ["a", " ", "\"", "\\", "\n", "\r", "\t", ",", "[", "{", "]", "}", "é", "漢", "😀", "\u{1}", "\u{2028}"]
            return (0..<below(10)).map { _ in pieces[below(pieces.count)] }.joined()
        }

        mutating func space() -> String { (0..<below(3)).map { _ in [" ", "\n", "\t", "\r\n"][below(4)] }.joined() }

        mutating func value(_ depth: Int) -> JSONValue {
            switch below(depth > 2 ? 4 : 6) {
            case 0: .null
            case 1: .flag(below(2) == 0)
            case 2: .number(below(1000) - 500)
            case 3: .text(text())
            case 4: .list((0..<below(3)).map { _ in value(depth + 1) })
            default: row(depth + 1)
            }
        }

        mutating func row(_ depth: Int = 0) -> JSONValue {
            var object = JSONObject()
            for _ in 0..<below(4) { object.set(text(), to: value(depth)) }
            return .object(object)
        }

        mutating func lines() -> (Data, [JSONValue]) {
            let rows = (0...below(8)).map { _ in row() }
            return (Data(rows.map { $0.json + ["\n", "\r\n", "\n \n"][below(3)] }.joined().utf8), rows)
        }

        mutating func list() -> (Data, [JSONValue]) {
            let rows = (0...below(8)).map { _ in row() }
            let elements = rows.map { space() + (below(2) == 0 ? $0.json : $0.indentedJSON) + space() }
            return (Data("\(space())[\(elements.joined(separator: ","))]\(space())".utf8), rows)
        }

        private mutating func cell(_ text: String, _ separator: String) -> String {
            let isPlain = !text.isEmpty && text.unicodeScalars.allSatisfy { !" \"\r\n,\t".unicodeScalars.contains($0) }
            return isPlain && below(2) == 0 ? text : "\"\(text.replacing("\"", with: "\"\""))\""
        }

        mutating func table(_ separator: String) -> (Data, [JSONValue]) {
            var lines = [["\"messages\"", cell("x\(text())", separator), cell("y\(text())", separator)].joined(separator: separator)]
            let names = TableNames(lines[0], separator)
            var rows: [JSONValue] = []
            for _ in 0...below(8) {
                let prompt: JSONValue = .list([value(1)])
                let texts = [text(), text()]
                lines.append(([cell(prompt.json, separator)] + texts.map { cell($0, separator) }).joined(separator: separator))
                let values = [prompt] + texts.map { $0.isEmpty ? .null : .text($0) }
                rows.append(.object(JSONObject(zip(names.all, values))))
            }
            return (Data(lines.joined(separator: below(2) == 0 ? "\n" : "\r\n").utf8), rows)
        }

        mutating func damage(_ data: inout Data) {
            for _ in 0...below(2) where !data.isEmpty {
                let place = below(data.count)
                switch below(5) {
                case 0: data[place] = UInt8(below(256))
                case 1: data.remove(at: place)
                case 2: data.insert([34, 92, 44, 10, 13, 91, 93, 123, 125, 0, 0xC3, 0xFF][below(12)], at: place)
                case 3: data = Data(data.prefix(place))
                default: data.insert(contentsOf: Data(data[place..<min(data.count, place + 20)]), at: below(data.count))
                }
            }
        }
    }

    /// The names of a header, by a reader of its own.
    private struct TableNames {
        var all: [String] = []

        init(_ line: String, _ separator: String) {
            var (name, isQuoted, wasQuote): (String.UnicodeScalarView, Bool, Bool) = (.init(), false, false)
            for scalar in line.unicodeScalars {
                if scalar == "\"" {
                    if !isQuoted && wasQuote { name.append(scalar) }
                    wasQuote = isQuoted
                    isQuoted.toggle()
                } else if String(scalar) == separator, !isQuoted {
                    all.append(String(name))
                    (name, wasQuote) = (.init(), false)
                } else {
                    name.append(scalar)
                    wasQuote = false
                }
            }
            all.append(String(name))
        }
    }

    private func written(_ seed: Int) -> (name: String, content: Data, rows: [JSONValue], draws: Draws) {
        var draws = Draws(seed)
        let (name, (content, rows)) =
            switch seed % 4 {
            case 0: ("a.jsonl", draws.lines())
            case 1: ("a.json", draws.list())
            case 2: ("a.csv", draws.table(","))
            default: ("a.tsv", draws.table("\t"))
            }
        return (name, content, rows, draws)
    }

    @Test func rowsComeOutOfEveryKindOfFileAsTheyWentIn() async throws {
        try await withTemporaryDirectory { directory in
            for seed in 0..<400 {
                let (name, content, rows, _) = written(seed)
                let path = "\(directory)/\(name)"
                try content.write(to: URL(fileURLWithPath: path))
                try content.gzipped.write(to: URL(fileURLWithPath: path + ".gz"))
                let pipe = Pipe()
                try pipe.fileHandleForWriting.write(contentsOf: seed % 8 < 4 ? content : content.gzipped)
                try pipe.fileHandleForWriting.close()
                for data in try [
                    Examples<AnyRow>(path: path), Examples<AnyRow>(path: path + ".gz"),
                    Examples<AnyRow>(sources: [DataSource("-")], standardInput: pipe.fileHandleForReading.fileDescriptor),
                ] {
                    let read = try (0..<data.count).map { try data[$0].value }
                    try #require(read == rows, "seed \(seed), \(data.name): \(read.map(\.json)), not \(rows.map(\.json))")
                }
            }
        }
    }

    @Test func aDamagedFileIsReadInPartOrRefusedByItsName() async throws {
        try await withTemporaryDirectory { directory in
            for seed in 0..<2000 {
                var (name, content, _, draws) = written(seed)
                if seed % 3 == 0 { (name, content) = (name + ".gz", content.gzipped) }
                draws.damage(&content)
                let path = "\(directory)/\(name)"
                try content.write(to: URL(fileURLWithPath: path))
                do {
                    let data = try Examples<AnyRow>(path: path, badLines: seed % 2 == 0 ? .skip : .stop)
                    for index in 0..<data.count { _ = try data[index] }
                } catch let error as TrainerError {
                    #expect(error.message.contains(path), "seed \(seed): \(error)")
                }
            }
        }
    }
}
