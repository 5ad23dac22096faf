import Foundation
import Swage
import SwageText
import Yams

/// The keys of a YAML recipe and their values, as YAML 1.2 reads them (10.3.2, the core schema): `yes` and `1_000` are texts.
struct RecipeFile {
    struct Entry {
        /// As it is written.
        let key: String
        let line: Int
        let value: Value
    }

    indirect enum Value {
        /// `null`: the key is not there.
        case absent
        case scalar(Scalar, written: String)
        case list([Value])

        /// For people.
        var description: String {
            switch self {
            case .absent: "null"
            case .scalar(.text, let written): "the text \"\(written)\""
            case .scalar(_, let written): written
            case .list(let values): values.isEmpty ? "an empty list" : "a list"
            }
        }
    }

    /// What YAML takes a word for. Numbers are as Swift reads them.
    enum Scalar {
        case flag(Bool)
        case integer(String)
        case number(String)
        case text
    }

    let path: String
    let entries: [Entry]

    /// - Throws: ``UsageError`` for a file that is no recipe, and ``TrainerError`` for one that cannot be read.
    init(path: String) throws {
        self.path = path
        let node = try Self.compose(path)
        guard let node else {
            entries = []
            return
        }
        guard case .mapping(let mapping) = node else {
            throw UsageError("the recipe \(path) holds no keys", expected: "lines such as \"steps: 100\"")
        }
        entries = try mapping.map { key, value in
            let line = key.mark?.line ?? 1
            guard case .scalar(let name) = key else {
                throw UsageError("\(path), line \(line): a key is no word", expected: "keys such as steps")
            }
            guard name.string != "<<" else {
                throw UsageError("\(path), line \(line): << is not understood", expected: "the keys themselves")
            }
            return Entry(
                key: name.string, line: line, value: try Self.value(value, name.string, "\(path), line \(line)", isInList: false))
        }
    }

    private static func compose(_ path: String) throws -> Node? {
        let data: Data
        do {
            data = try Data(contentsOf: URL(literalPath: path))
        } catch {
            throw UsageError("the recipe \(path) cannot be read: \(error.summary)", expected: "a YAML file with options as keys")
        }
        guard data.count <= 1 << 20 else {
            throw UsageError("the recipe \(path) has \(data.count) bytes", expected: "at most a megabyte of YAML")
        }
        guard var text = String(data: data, encoding: .utf8) else {
            throw UsageError("the recipe \(path) is not text in UTF-8", expected: "a YAML file with options as keys")
        }
        if text.first == "\u{FEFF}" { text.removeFirst() }
        try checkLineBreaks(text, path)
        do {
            return try Yams.compose(yaml: text)
        } catch {
            throw UsageError("\(path)\(reason(error))")
        }
    }

    /// Some characters end a line in YAML 1.1, which the parser reads, and none in YAML 1.2 (5.4).
    private static func checkLineBreaks(_ text: String, _ path: String) throws {
        let lines = text.unicodeScalars.split(omittingEmptySubsequences: false) { $0 == "\n" }
        for (index, line) in lines.enumerated() {
            guard let odd = line.first(where: { ["\u{85}", "\u{2028}", "\u{2029}"].contains($0) }) else { continue }
            let digits = String(odd.value, radix: 16, uppercase: true)
            let name = String(repeating: "0", count: 4 - digits.count) + digits
            throw UsageError(
                "\(path), line \(index + 1), has the character U+\(name), which ends a line in some readers of YAML and not in others",
                expected: "\\u\(name) in double quotes")
        }
    }

    /// Where YAML breaks off, and why.
    private static func reason(_ error: any Error) -> String {
        guard let error = error as? YamlError else { return " is not YAML: \(error.summary)" }
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _):
            let what = [context?.text, problem].compactMap { $0 }.joined(separator: ", ")
            return ", line \(mark.line), is not YAML: \(what)"
        case .composer(_, let problem, let mark, _):
            return problem.contains("another document")
                ? ", line \(mark.line), begins another document; expected one"
                : ", line \(mark.line), is not YAML: \(problem)"
        case .duplicatedKeysInMapping(let duplicates, let context):
            return ", line \(context.mark.line): the key \(duplicates.joined(separator: ", ")) is there twice; expected it once"
        case .reader(let problem, _, _, _): return " is not YAML: \(problem)"
        default: return " is not YAML"
        }
    }

    private static func value(_ node: Node, _ key: String, _ place: String, isInList: Bool) throws -> Value {
        switch node {
        case .scalar(let scalar): return try value(scalar, key, place)
        case .sequence(let sequence) where !isInList:
            return .list(try sequence.map { try value($0, key, place, isInList: true) })
        case .sequence: throw UsageError("\(place): \(key) holds a list in a list", expected: "a list of values")
        case .mapping, .alias: throw UsageError("\(place): \(key) holds a mapping", expected: "one value, or a list of values as in [a, b]")
        }
    }

    private static func value(_ scalar: Node.Scalar, _ key: String, _ place: String) throws -> Value {
        let text = scalar.string
        switch scalar.tag.description {
        case "" where scalar.style == .plain: return plain(text)
        case "", "!", Tag.Name.str.rawValue: return .scalar(.text, written: text)
        default: throw UsageError("\(place): \(key) has the tag \(scalar.tag)", expected: "a value without a tag")
        }
    }

    private static func plain(_ text: String) -> Value {
        switch text {
        case "", "~", "null", "Null", "NULL": return .absent
        case "true", "True", "TRUE": return .scalar(.flag(true), written: text)
        case "false", "False", "FALSE": return .scalar(.flag(false), written: text)
        default: return .scalar(number(text) ?? .text, written: text)
        }
    }

    private static func number(_ text: String) -> Scalar? {
        if text.hasPrefix("0o") { return integer(text, radix: 8, digits: "01234567") }
        if text.hasPrefix("0x") { return integer(text, radix: 16, digits: "0123456789abcdefABCDEF") }
        switch text {
        case ".nan", ".NaN", ".NAN": return .number("nan")
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .number("inf")
        case "-.inf", "-.Inf", "-.INF": return .number("-inf")
        default: break
        }
        var rest = Substring(text)
        func digits() -> Int {
            let digits = rest.prefix { "0123456789".contains($0) }
            rest = rest.dropFirst(digits.count)
            return digits.count
        }
        func skip(_ marks: String) -> Bool {
            guard let first = rest.first, marks.contains(first) else { return false }
            rest.removeFirst()
            return true
        }
        _ = skip("+-")
        let whole = digits()
        if whole > 0, rest.isEmpty { return .integer(text) }
        let fraction = skip(".") ? digits() : 0
        guard whole + fraction > 0 else { return nil }
        if skip("eE") {
            _ = skip("+-")
            guard digits() > 0 else { return nil }
        }
        return rest.isEmpty ? .number(text) : nil
    }

    private static func integer(_ text: String, radix: Int, digits: String) -> Scalar? {
        guard text.count > 2, text.dropFirst(2).allSatisfy(digits.contains) else { return nil }
        // What no number of this program can hold is left as it is written, and refused there.
        return .integer(UInt64(text.dropFirst(2), radix: radix).map { "\($0)" } ?? text)
    }
}
