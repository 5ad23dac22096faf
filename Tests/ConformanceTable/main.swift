import Foundation
import Swage
import SwageConformance
import TestEngines

// What no command starts: trainers in decorators go through the nine promises, and broken ones through one each.

func say(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
}

let invariants = Conformance.Invariant.allCases
let width = 33
var (passed, failed) = (0, 0)
var notes: [String] = []

func row(_ name: String, _ cells: [String], seconds: Double) {
    let padded = name.padding(toLength: width, withPad: " ", startingAt: 0)
    say(padded + cells.map { $0 + "  " }.joined() + String(format: "%6.1f s", seconds))
}

say(String(repeating: " ", count: width) + invariants.map { "\($0.rawValue)  " }.joined())
for engine in EngineUnderTest.all.map(\.decorated) {
    let workspace = FileManager.default.temporaryDirectory.appendingPathComponent("swage-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: workspace) }
    let start = Date()
    do {
        try FileManager.default.createDirectory(atPath: workspace, withIntermediateDirectories: true)
        let foreign = try await EngineUnderTest.foreignCheckpoint(in: workspace)
        let findings = try await engine.conformance(workspace: workspace, foreign: foreign).run()
        row(engine.name, findings.map { $0.failure == nil ? "+" : "-" }, seconds: Date().timeIntervalSince(start))
        let failures = findings.filter { $0.failure != nil }
        notes += failures.map { "\(engine.name): \($0)" }
        failed += failures.count
        passed += findings.count - failures.count
    } catch {
        row(engine.name, invariants.map { _ in "-" }, seconds: Date().timeIntervalSince(start))
        notes.append("\(engine.name): did not start: \(error)")
        failed += invariants.count
    }
}

say("\nTrainers that break one promise, or are wrong in a corner of it, and whether that is noticed:")
let broken: [(name: String, invariant: Conformance.Invariant, subject: @Sendable (String) -> Conformance.Subject)] =
    invariants.map { invariant in ("\(invariant)", invariant, { .broken(invariant, in: $0) }) }
    + BrokenTrainer.Flaw.allCases.map { flaw in ("\(flaw)", flaw.promise, { .flawed(flaw, in: $0) }) }
for (name, invariant, subject) in broken {
    let workspace = FileManager.default.temporaryDirectory.appendingPathComponent("swage-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: workspace) }
    try FileManager.default.createDirectory(atPath: workspace, withIntermediateDirectories: true)
    let start = Date()
    var isNoticed = false
    do {
        try await Conformance(subject(workspace)).check(invariant)
        notes.append("a trainer of the kind \(name) is not noticed")
        failed += 1
    } catch {
        isNoticed = true
        passed += 1
    }
    let cells = invariants.map { $0 == invariant ? (isNoticed ? "+" : "-") : " " }
    row(name, cells, seconds: Date().timeIntervalSince(start))
}

say("")
for (index, invariant) in invariants.enumerated() { say("\(index + 1)  \(invariant)") }
for note in notes { say("\n\(note)") }
say("\n\(passed) passed, \(failed) failed")
exit(failed == 0 ? 0 : 1)
