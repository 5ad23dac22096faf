import Foundation
import Swage
import SwageNative

// Our side of a benchmark. Prints one JSON object with the seconds of each run and the peak memory of the process;
// Benchmarks/bench.py runs it in turn with the peer.
//   SwageBenchmarks loss MODEL NAME TOKENS THREADS
//   SwageBenchmarks call | trace        what a loss costs before any work: traced before, or traced anew

let arguments = CommandLine.arguments
if arguments.count == 2, let seconds = try secondsOfCall(arguments[1]) {
    print("{\"seconds\": [\(seconds)], \"peakMemory\": 0}")
    exit(0)
}
guard arguments.count == 6, arguments[1] == "loss", let tokens = Int(arguments[4]), let threads = Int(arguments[5])
else {
    FileHandle.standardError.write(Data("usage: SwageBenchmarks loss MODEL NAME TOKENS THREADS, or call, or trace\n".utf8))
    exit(2)
}
let losses: [String: LossFunction] = [
    "cross-entropy": .crossEntropy, "linear-cross-entropy": .linearCrossEntropy,
    "smoothed-cross-entropy": .crossEntropy(smoothing: 0.1),
]
guard let loss = losses[arguments[3]] else { fatalError("there is no loss \(arguments[3]) among \(losses.keys)") }
let trainer = try await NativeTrainer(model: arguments[2], threads: threads)
guard case .integer(let vocabulary)? = try await trainer.config().modelConfiguration["vocab_size"] else { exit(1) }
let ids = (0..<tokens).map { Int32($0 * 7919 % vocabulary) }
let batch = TextTrainBatch(
    inputIDs: try Tensor(ids, shape: [1, tokens]), targetIDs: try Tensor(ids.reversed(), shape: [1, tokens]))

var seconds: [Double] = []
for run in 0...3 {
    let start = ContinuousClock.now
    _ = try await trainer.forwardBackward(batch, loss: loss)
    // The first run reserves memory.
    if run > 0 { seconds.append(start.duration(to: .now) / .seconds(1)) }
}
var usage = rusage()
#if os(macOS)
    getrusage(RUSAGE_SELF, &usage)
    let peak = usage.ru_maxrss
#else
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let peak = usage.ru_maxrss * 1024
#endif
print("{\"seconds\": \(seconds), \"peakMemory\": \(peak)}")
