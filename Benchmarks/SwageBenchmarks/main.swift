import Foundation

// Our side of a benchmark: SwageBenchmarks MODEL THREADS [8bit]. Reads one job a line from standard input, as JSON, and
// answers each with a line; Benchmarks/worker.py holds the other end, and gives the same jobs to the peer.

guard CommandLine.arguments.count >= 3, let threads = Int(CommandLine.arguments[2]) else {
    FileHandle.standardError.write(Data("usage: SwageBenchmarks MODEL THREADS [8bit]\n".utf8))
    exit(2)
}
let bench = try await Bench(
    model: CommandLine.arguments[1], threads: threads, inEightBits: CommandLine.arguments.last == "8bit")
while let line = readLine() {
    var answer = try await bench.run(try JSONDecoder().decode(Job.self, from: Data(line.utf8)))
    answer.peakMemory = peakMemory()
    try FileHandle.standardOutput.write(contentsOf: JSONEncoder().encode(answer) + Data("\n".utf8))
}

/// The most memory that the process has held, in bytes.
func peakMemory() -> Int {
    var usage = rusage()
    #if os(macOS)
        getrusage(RUSAGE_SELF, &usage)
        return usage.ru_maxrss
    #else
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1024
    #endif
}
