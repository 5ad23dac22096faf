import Foundation
import Swage
import SwageFiles
import SwageText

/// Our side of the benchmarks of text: TextBenchmarks THREADS. Reads one job a line from standard input, as JSON, and answers
/// each with a line, as SwageBenchmarks does.
@main
enum TextBenchmarks {
    static func main() throws {
        guard CommandLine.arguments.count == 2, let threads = Int(CommandLine.arguments[1]), threads > 0 else {
            FileHandle.standardError.write(Data("usage: TextBenchmarks THREADS\n".utf8))
            exit(2)
        }
        var bench = TextBench(threads: threads)
        while let line = readLine() {
            let answer = try bench.run(try JSONDecoder().decode(TextJob.self, from: Data(line.utf8)))
            try FileHandle.standardOutput.write(contentsOf: JSONEncoder().encode(answer) + Data("\n".utf8))
        }
    }
}

/// What one line asks for; one of its keys is there, and what it needs.
struct TextJob: Decodable {
    /// A folder of a tokenizer to open.
    var load: String?
    /// A file with a list of texts to encode with the tokenizer that was opened last.
    var encode: String?
    /// A file of conversations to render by the chat template of that tokenizer.
    var render: String?
    /// A file of conversations to open, with every row checked.
    var open: String?
}

struct TextAnswer: Encodable {
    var seconds: Double
    /// Tokens, conversations or rows.
    var count: Int
    var peakMemory: Int?
}

private struct TextBench {
    let threads: Int
    private var tokenizer: TextTokenizer?

    init(threads: Int) { self.threads = threads }

    mutating func run(_ job: TextJob) throws -> TextAnswer {
        if let path = job.load { return try load(path) }
        if let path = job.encode { return try encode(path) }
        if let path = job.render { return try render(path) }
        return try open(job.open ?? "")
    }

    private mutating func load(_ path: String) throws -> TextAnswer {
        let (tokenizer, seconds) = try timed { try TextTokenizer(path: path) }
        self.tokenizer = tokenizer
        return TextAnswer(seconds: seconds, count: tokenizer.vocabularySize)
    }

    private func encode(_ path: String) throws -> TextAnswer {
        let texts = try JSONDecoder().decode([String].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        let tokenizer = try opened
        let (counts, seconds) = try timed {
            try spread(texts) { try tokenizer.encode($0, addSpecialTokens: true).count }
        }
        return TextAnswer(seconds: seconds, count: counts)
    }

    private func render(_ path: String) throws -> TextAnswer {
        let examples = try Examples<TrainingExample>(path: path)
        let chats = try (0..<examples.count).compactMap { index -> Chat? in
            if case .chat(let chat) = try examples[index] { chat } else { nil }
        }
        let tokenizer = try opened
        let (_, seconds) = try timed { try spread(chats) { try tokenizer.text(of: $0, addGenerationPrompt: false).utf8.count } }
        return TextAnswer(seconds: seconds, count: chats.count)
    }

    private func open(_ path: String) throws -> TextAnswer {
        let (examples, seconds) = try timed { try Examples<TrainingExample>(path: path) }
        return TextAnswer(seconds: seconds, count: examples.count, peakMemory: Self.anonymousMemory)
    }

    private var opened: TextTokenizer {
        get throws {
            guard let tokenizer else { throw TrainerError(.invalidOption, "no tokenizer is open", expected: "load first") }
            return tokenizer
        }
    }

    /// The sum over all items, shared by the threads in pieces.
    private func spread<Item: Sendable>(_ items: [Item], _ body: @Sendable (Item) throws -> Int) throws -> Int {
        let pieces = stride(from: 0, to: items.count, by: 64).map { items[$0..<min($0 + 64, items.count)] }
        guard threads > 1 else { return try items.reduce(0) { try $0 + body($1) } }
        let sums = UnsafeMutableBufferPointer<Result<Int, any Error>>.allocate(capacity: pieces.count)
        sums.initialize(repeating: .success(0))
        defer { sums.deallocate() }
        // Each iteration writes its own place alone.
        nonisolated(unsafe) let places = sums
        DispatchQueue.concurrentPerform(iterations: pieces.count) { number in
            places[number] = Result { try pieces[number].reduce(0) { try $0 + body($1) } }
        }
        return try sums.reduce(0) { try $0 + $1.get() }
    }

    private func timed<Value>(_ body: () throws -> Value) rethrows -> (Value, seconds: Double) {
        let start = ContinuousClock.now
        let value = try body()
        return (value, start.duration(to: .now) / .seconds(1))
    }

    /// What the process holds beside pages of files, in bytes; nil where the system does not say.
    private static var anonymousMemory: Int? {
        let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status?.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
        return line.flatMap { Int($0.filter(\.isNumber)) }.map { $0 * 1024 }
    }
}
