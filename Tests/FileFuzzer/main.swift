import Foundation

// Opens damaged files with the readers of this library, and reports what traps, hangs, takes too much memory or fails in
// words that are not for people: file-fuzzer COUNT SEED [KIND …]. `make fuzz-files` runs it.

let arguments = Array(CommandLine.arguments.dropFirst())
func number(_ index: Int, _ standard: Int) -> Int { arguments.count > index ? Int(arguments[index]) ?? standard : standard }

switch arguments.first {
case "--work":
    // --work FOLDER FIRST END SEED KIND …: what the supervisor starts, and starts again after a trap.
    let kinds = arguments.dropFirst(5).compactMap(FileKind.init)
    try await Worker(folder: arguments[1], seed: UInt64(arguments[4]) ?? 1, kinds: kinds).run(number(2, 0)..<number(3, 0))
case "--check":
    // --check FOLDER KIND FILE: opens one file, as the supervisor does to make a finding smaller.
    let kind = FileKind(rawValue: arguments[2])!
    let place = try FilePlace(kind, in: arguments[1])
    if let finding = try await place.finding(Data(contentsOf: URL(fileURLWithPath: arguments[3])), trains: true) {
        print(finding)
        exit(3)
    }
case "--tokenizers":
    // What tokenizers make of texts, as they are asked for.
    try TokenizerTrial.run()
default:
    let kinds = arguments.dropFirst(2).compactMap(FileKind.init)
    let found = try Supervisor(seed: UInt64(number(1, 1)), kinds: kinds.isEmpty ? FileKind.allCases : Array(kinds)).run(number(0, 2000))
    exit(found == 0 ? 0 : 1)
}
