import SwageText
import Foundation
import Swage
import SwageRecipes
import Synchronization

/// Shows a training run to a person.
final class TrainingDisplay: Sendable {
    private let bar = ProgressBar()
    /// The seconds of recent steps, from which the time left is told.
    private let recentSeconds = Mutex<[Double]>([])

    func note(_ text: String) { bar.note(text) }

    /// - Parameters:
    ///   - measured: what a measurement has found, as a person reads it; nil for nothing worth a line.
    ///   - detail: what to say of a step beside its number and the time left.
    func show<Measurement>(
        _ event: TrainingEvent<Measurement>, measured: (Measurement) -> String?, detail: (TrainingStep) -> [String]
    ) {
        switch event {
        case .data(let report):
            bar.note("\(report)")
        case .leftOut(let rows, let report):
            bar.note("Left out of \(report.path): \(rows.reason) (\(report.listed(rows)))")
        case .startedOver(let left):
            guard !left.isEmpty else { return }
            let more = left.count > 5 ? " and \(left.count - 5) more" : ""
            bar.note("Left as they are, for no run has written them: \(left.prefix(5).joined(separator: ", "))\(more)")
        case .resumed(let step, let checkpoint):
            bar.note("Going on from step \(step) (\(checkpoint))")
        case .passedOver(let checkpoint, let reason):
            bar.note("Passed over \(checkpoint): \(reason)")
        case .lost(let steps, .checkpoints):
            bar.note("No checkpoint is left of the \(steps) steps in metrics.jsonl: the run begins again")
        case .lost(let steps, .metrics):
            bar.note("metrics.jsonl lacks \(steps) of the steps so far")
        case .measuring(let moment, let done):
            bar.show("measuring \(moment.rawValue)", fraction: done, detail: ["\(Int(done * 100))%"], isMilestone: false)
        case .measured(let moment, let measurement):
            if let text = measured(measurement) { bar.note("\(moment.rawValue): \(text)") }
        case .saving(let step):
            bar.note("saving a checkpoint of step \(step)")
        case .step(let step, let steps):
            show(step, of: steps, detail(step))
        }
    }

    private func show(_ step: TrainingStep, of steps: Int, _ detail: [String]) {
        let average = recentSeconds.withLock { recent in
            recent = (recent + [step.seconds]).suffix(20)
            return recent.reduce(0, +) / Double(recent.count)
        }
        let left = "\(readable(seconds: average * Double(steps - step.step))) left"
        bar.show(
            "step \(step.step)/\(steps)", fraction: Double(step.step) / Double(steps),
            detail: detail + [left],
            isMilestone: step.step % max(1, steps / 20) == 0 || step.step == 1)
        if step.step == steps { bar.end() }
    }
}

/// The result of a run, as it is printed.
protocol PrintableReport: Sendable {
    /// For programs, on one line.
    var json: [String: Any] { get }
    /// For people.
    var summary: String { get }
}

extension TrainingEnd {
    var json: [String: Any] {
        ["tokensPerSecond": tokensPerSecond, "steps": steps, "seconds": seconds, "checkpoint": checkpoint, "exported": exported]
    }

    var summary: String {
        """

        checkpoint        \(checkpoint)
        exported model    \(exported)
        """
    }

    /// What a run has done, with what was measured before and after.
    func summary(before: String?, after: String?) -> String {
        let measured = before.map { before in
            """

            before            \(before)
            after             \(after ?? "not measured")
            """
        }
        return [measured, "steps             \(steps) in \(readable(seconds: seconds))", summary].compactMap { $0 }
            .joined(separator: "\n")
    }
}

func quoted(_ text: String) -> String { "“\(text.replacingOccurrences(of: "\n", with: " "))”" }

/// An object of numbers and texts, on one line.
func jsonLine(_ object: [String: Any]) -> Data {
    let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
    return (try? JSONSerialization.data(withJSONObject: object, options: options)) ?? Data()
}

/// What a value is as JSON; nil for nil.
func jsonObject<Value: Encodable>(_ value: Value?) -> Any? {
    value.flatMap { try? JSONSerialization.jsonObject(with: JSONEncoder().encode($0)) }
}

func fixed(_ number: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", number) }

extension TrainingStep {
    /// A metric in words; nothing where the step has none.
    func told(_ name: String, as label: String? = nil, _ digits: Int) -> [String] {
        metrics[name].map { ["\(label ?? name) \(fixed($0, digits))"] } ?? []
    }
}

func scientific(_ number: Double) -> String { String(format: "%.2e", number) }
