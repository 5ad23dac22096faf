import Foundation
import Swage

// Prints random well-typed loss programs, one a line, each with its inputs, its value and its gradients as this
// library computes them: loss-fuzzer COUNT SEED. `make fuzz-losses` compares them with torch's.

let count = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1]) ?? 1000 : 1000
let seed = CommandLine.arguments.count > 2 ? UInt64(CommandLine.arguments[2]) ?? 1 : 1
var random = SeededGenerator(seed: seed)
for _ in 0..<count {
    var fuzzed = FuzzedLoss(&random)
    while fuzzed == nil { fuzzed = FuzzedLoss(&random) }
    print(try fuzzed!.line())
}
