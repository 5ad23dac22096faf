import Dispatch
import Foundation

/// Our side of a benchmark: SwageBenchmarks MODEL THREADS [8bit]. Reads one job a line from standard input, as JSON, and
/// answers each with a line; Benchmarks/worker.py holds the other end, and gives the same jobs to the peer.
@main
enum SwageBenchmarks {
    /// Waits for the jobs where an asynchronous main would hand the thread to Dispatch, which callgrind cannot follow.
    static func main() {
        let end = DispatchSemaphore(value: 0)
        Task.detached {
            do {
                try await run(CommandLine.arguments)
            } catch {
                fail("\(error)", status: 1)
            }
            end.signal()
        }
        end.wait()
    }

    private static func run(_ arguments: [String]) async throws {
        guard arguments.count >= 3, let threads = Int(arguments[2]) else {
            fail("usage: SwageBenchmarks MODEL THREADS [8bit]", status: 2)
        }
        let bench = try await Bench(model: arguments[1], threads: threads, inEightBits: arguments.last == "8bit")
        while let line = readLine() {
            var answer = try await bench.run(try JSONDecoder().decode(Job.self, from: Data(line.utf8)))
            answer.peakMemory = peakMemory()
            try FileHandle.standardOutput.write(contentsOf: JSONEncoder().encode(answer) + Data("\n".utf8))
        }
    }

    private static func fail(_ message: String, status: Int32) -> Never {
        FileHandle.standardError.write(Data("\(message)\n".utf8))
        exit(status)
    }

    /// The most memory that the process has held, in bytes.
    private static func peakMemory() -> Int {
        #if os(macOS)
        var usage = rusage()
        getrusage(RUSAGE_SELF, &usage)
        return usage.ru_maxrss
        #else
        // Linux lets ru_maxrss begin with what the parent has held.
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line.flatMap { Int($0.filter(\.isNumber)) }.map { $0 * 1024 } ?? 0
        #endif
    }
}
