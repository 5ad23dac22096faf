/// What became of a file of examples: every row is counted once.
public struct DataReport: Sendable, Equatable, Codable {
    /// Rows that are not used, for one reason.
    public struct LeftOut: Sendable, Equatable, Codable {
        /// What is wrong with them, in words; `other reasons` once 20 are told apart.
        public var reason: String
        /// How many they are, those of `lines` among them.
        public var rows: Int
        /// The lines of the first of them, counted on from file to file where there are several.
        public var lines: [Int]
    }

    /// Something about rows that a person may not expect.
    public struct Note: Sendable, Equatable, Codable {
        /// What it is, in words, such as that a key is not read; `other things to note` once 20 are told apart.
        public var text: String
        /// How many rows it is said of.
        public var rows: Int
        /// The line of the first of them, counted as those of ``LeftOut``.
        public var line: Int
    }

    /// An example that is longer than all others.
    public struct Longest: Sendable, Equatable, Codable {
        /// Its tokens, those beyond the limit included.
        public var tokens: Int
        /// Its line.
        public var line: Int
    }

    /// One of several files, or one whose rows are no lines.
    public struct File: Sendable, Equatable, Codable {
        /// The path of the file.
        public var path: String
        /// What its rows are counted by: `line` or `record`.
        public var unit: String
        /// How many lines and records the files before have.
        public var linesBefore: Int
    }

    /// The path of the file, as it was given; of several what they are.
    public var path: String
    /// The files, where numbers of lines do not say enough; nil for one file of lines.
    public var files: [File]?
    /// The rows of the file. Blank lines are none. A row that comes several times in a pass counts as often.
    public var rows = 0
    /// The rows that are used from their beginning to their end.
    public var whole = 0
    /// The rows of which what lies beyond the limit of tokens is not used.
    public var cut = 0
    /// The rows that were not looked at: beyond what was asked for, or not yet.
    public var unseen = 0
    /// The rows that are not used, by reason, in the order in which the reasons were found.
    public var leftOut: [LeftOut] = []
    /// The positions that the rows in use take, each of which reads one token and may predict the next.
    public var tokens = 0
    /// How many of those predict a token that counts.
    public var targets = 0
    /// The tokens that were cut off.
    public var cutTokens = 0
    /// The longest example that is used; nil where none is.
    public var longest: Longest?
    /// What a person may not expect of the file, in the order in which it was found.
    public var notes: [Note] = []

    /// A report in which nothing is counted yet.
    public init(path: String) { self.path = path }

    /// The rows that are used.
    public var used: Int { whole + cut }
    /// The rows that are left out, for whatever reason.
    public var leftOutRows: Int { leftOut.reduce(0) { $0 + $1.rows } }

    /// How many lines are named for a reason.
    private static let namedLines = 5
    /// How many reasons are told apart.
    private static let namedReasons = 20

    /// Counts a row that was looked at.
    mutating func add<Use>(_ examination: Examination<Use>, line: Int) {
        unseen -= 1
        switch examination {
        case .used(_, let tokens, let targets, let beyond, let notes):
            for note in Set(notes).sorted() { self.note(note, rows: 1, line: line) }
            whole += beyond == 0 ? 1 : 0
            cut += beyond == 0 ? 0 : 1
            (self.tokens, self.targets, cutTokens) = (self.tokens + tokens, self.targets + targets, cutTokens + beyond)
            if tokens + beyond >= longest?.tokens ?? 0 { longest = Longest(tokens: tokens + beyond + 1, line: line) }
        case .leftOut(let reason): leaveOut(reason, line: line)
        }
    }

    /// The lines that are named here and not in an earlier state of the same report, with their reasons.
    package func leftOut(since earlier: DataReport) -> [LeftOut] {
        leftOut.compactMap { now in
            let known = earlier.leftOut.first { $0.reason == now.reason }?.lines.count ?? 0
            let lines = Array(now.lines.dropFirst(known))
            return lines.isEmpty ? nil : LeftOut(reason: now.reason, rows: lines.count, lines: lines)
        }
    }

    mutating func leaveOut(_ error: String, line: Int) {
        let why = error.withoutAdvice
        let isNew = leftOut.count >= Self.namedReasons && !leftOut.contains { $0.reason == why }
        let reason = isNew ? "other reasons" : why
        guard let index = leftOut.firstIndex(where: { $0.reason == reason }) else {
            leftOut.append(LeftOut(reason: reason, rows: 1, lines: [line]))
            return
        }
        leftOut[index].rows += 1
        if leftOut[index].lines.count < Self.namedLines { leftOut[index].lines.append(line) }
    }

    mutating func note(_ what: String, rows: Int = 1, line: Int) {
        let isNew = notes.count >= Self.namedReasons && !notes.contains { $0.text == what }
        let text = isNew ? "other things to note" : what
        guard let index = notes.firstIndex(where: { $0.text == text }) else {
            notes.append(Note(text: text, rows: rows, line: line))
            return
        }
        notes[index].rows += rows
    }
}

extension DataReport: CustomStringConvertible {
    public var description: String {
        if unseen > 0, unseen == rows { return "\(path): \(rows) rows, which are looked at while they are used" }
        var counts = ["\(rows) rows: \(whole) whole"]
        if cut > 0 { counts.append("\(cut) cut (\(cutTokens) tokens beyond the limit)") }
        counts.append("\(leftOutRows) left out")
        if unseen > 0 { counts.append("\(unseen) not looked at") }
        let lines =
            ["\(path): \(counts.joined(separator: ", ")); \(tokens) tokens" + (targets > 0 ? ", \(targets) of them learned" : "")]
            + leftOut.map { "  left out: \($0.reason) (\(listed($0)))" }
            + notes.map { "  \($0.text) (\(listed($0)))" }
        return lines.joined(separator: "\n")
    }

    /// The places of rows that are left out, as far as they are known, and how many more there are.
    package func listed(_ leftOut: LeftOut) -> String {
        let more = leftOut.rows - leftOut.lines.count
        return places(leftOut.lines) + (more > 0 ? " and \(more) more" : "")
    }

    /// The place of the first row of which something is noted, and how many more there are.
    package func listed(_ note: Note) -> String { places([note.line]) + (note.rows > 1 ? " and \(note.rows - 1) more" : "") }

    /// Lines as a reader finds them: `lines 2, 5`, or `a.jsonl, line 2; b.json, record 1` where there are several files.
    package func places(_ lines: [Int]) -> String {
        guard let files else { return (lines.count == 1 ? "line " : "lines ") + lines.map { "\($0)" }.joined(separator: ", ") }
        return lines.map { line in
            guard let file = files.last(where: { $0.linesBefore < line }) else { return "line \(line)" }
            return "\(files.count > 1 ? "\(file.path), " : "")\(file.unit) \(line - file.linesBefore)"
        }.joined(separator: "; ")
    }
}
