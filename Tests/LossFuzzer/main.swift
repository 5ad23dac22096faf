import Foundation
import Swage
import SwageNative
import TestSupport

// Prints random loss programs, one a line, each with its value and gradients as this library computes them; before those
// that read other inputs than the ones before, these: loss-fuzzer COUNT SEED [FIRST]. `make fuzz-losses` compares them
// with torch's. Every third program is one whose serial form was damaged, and which is refused or as good as any.

let arguments = CommandLine.arguments.dropFirst().map { Int($0) ?? 0 }
let count = arguments.first ?? 1000
let seed = UInt64(arguments.dropFirst().first ?? 1)
let first = arguments.dropFirst(2).first ?? 0
/// How many programs read the same inputs.
let programsAtOnce = 32
/// How many programs there are for one whose gradients are compared as well.
let gradientsEvery = 4
/// Damaged programs may ask for much.
let mostElements = 1 << 20

let team = try ThreadTeam(count: 1)
var (refused, written) = (0, 0)
var inputs: RandomLossInputs?

/// The loss of a number; nil for a damaged one that is refused.
func loss(_ number: Int, _ inputs: RandomLossInputs) throws -> LossFunction? {
    var random = SeededGenerator(seed: seed, stream: UInt64(number) + 1)
    let loss = RandomLoss.make(&random, inputs)
    if let failure = loss.failure { throw TrainerError(.invalidLoss, failure) }
    guard number % 3 == 2 else { return loss }
    let encoder = JSONEncoder()
    // In the same order whenever it is asked for.
    encoder.outputFormatting = .sortedKeys
    let serial = String(decoding: try encoder.encode(loss), as: UTF8.self)
    let damaged = RandomLoss.damaged(serial, &random)
    guard let read = try? JSONDecoder().decode(LossFunction.self, from: Data(damaged.utf8)) else { return nil }
    let fields = inputs.environment.fields
    let fits = read.program.fieldsRead.allSatisfy { name, shape in fields[name]?.shape == inputs.extents.resolve(shape) }
    let wanted = [read.program.sum, read.program.denominator] + read.program.metrics.map(\.node)
    let size = read.program.peakElementCount(of: wanted, in: inputs.extents) ?? .max
    let hasPairs = read.program.nodes.contains { $0.shape.contains(.pairs) }
    return fits && size <= mostElements && !(hasPairs && inputs.extents.batch % 2 != 0) ? read : nil
}

/// Answers for a program that was cut back: its value and gradients, on the inputs in the line before.
if CommandLine.arguments.dropFirst().first == "evaluate" {
    guard let line = readLine(), let program = readLine() else { exit(1) }
    let environment = try JSONDecoder().decode(SerialInputs.self, from: Data(line.utf8)).environment
    let loss = try JSONDecoder().decode(LossFunction.self, from: Data(program.utf8))
    print(try FuzzCase(0, loss, environment, differentiates: true, team: team).line())
    exit(0)
}

for number in first..<first + count {
    if inputs == nil || number % programsAtOnce == 0 {
        var random = SeededGenerator(seed: seed ^ 0x5A5A, stream: UInt64(number / programsAtOnce) + 1)
        inputs = RandomLossInputs(&random)
        print(FuzzCase.line(inputs!.environment))
    }
    guard let loss = try loss(number, inputs!) else {
        refused += 1
        continue
    }
    let differentiates = number % gradientsEvery == 0
    print(try FuzzCase(number, loss, inputs!.environment, differentiates: differentiates, team: team).line())
    written += 1
    if written % 256 == 0 { fflush(nil) }
}
print("{\"refused\":\(refused),\"ended\":true}")
