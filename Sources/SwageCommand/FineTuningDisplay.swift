import Foundation
import Swage
import SwageRecipes
import Synchronization

/// Shows a fine-tuning run to a person, or its result to a program.
final class FineTuningDisplay: Sendable {
    private let bar = ProgressBar()
    private let printsJSON: Bool
    /// The seconds of recent steps, from which the time left is told.
    private let recentSeconds = Mutex<[Double]>([])

    /// - Parameter printsJSON: whether the result is printed for a program to read.
    init(printsJSON: Bool) { self.printsJSON = printsJSON }

    func note(_ text: String) { bar.note(text) }

    func began(model: String, examples: Int) { bar.note("Fine-tuning \(model) on \(examples) examples") }

    func show(_ event: FineTuningEvent) {
        switch event {
        case .resumed(let step, let checkpoint):
            bar.note("Going on from step \(step) (\(checkpoint))")
        case .measuring(let moment, let done):
            bar.show(
                "held-out \(moment.rawValue)", fraction: done, detail: "\(Int(done * 100))%", isMilestone: false)
        case .measured(let moment, let result):
            bar.note(
                "held-out \(moment.rawValue): loss \(fixed(result.loss, 4)), perplexity \(fixed(result.perplexity, 2)), "
                    + "\(result.tokens) tokens of \(result.examples) examples")
        case .saving(let step):
            bar.note("saving a checkpoint of step \(step)")
        case .step(let step):
            show(step)
        }
    }

    private func show(_ step: FineTuningEvent.Step) {
        let average = recentSeconds.withLock { recent in
            recent = (recent + [step.seconds]).suffix(20)
            return recent.reduce(0, +) / Double(recent.count)
        }
        let detail = [
            "loss \(fixed(step.loss, 4))", "lr \(scientific(step.learningRate))", "norm \(fixed(step.gradientNorm, 2))",
            "\(Int(Double(step.tokens) / step.seconds)) tokens/s",
            "\(readable(seconds: average * Double(step.steps - step.step))) left",
        ].joined(separator: "  ")
        let every = max(1, step.steps / 20)
        bar.show(
            "step \(step.step)/\(step.steps)", fraction: Double(step.step) / Double(step.steps), detail: detail,
            isMilestone: step.step % every == 0 || step.step == 1)
        if step.step == step.steps { bar.end() }
    }

    func interrupted(step: Int, checkpoint: String?) {
        bar.note(
            checkpoint.map { "Stopped after step \(step); saved \($0)\nThe same command goes on from there." }
                ?? "Stopped before the first step; the same command begins again.")
    }

    func finished(_ report: FineTuningReport) {
        printsJSON ? printJSON(report) : printSummary(report)
    }

    private func printJSON(_ report: FineTuningReport) {
        var object: [String: Any] = [
            "tokensPerSecond": report.tokensPerSecond, "steps": report.steps, "checkpoint": report.checkpoint,
            "exported": report.exported,
        ]
        object["heldOutLossBefore"] = report.heldOutBefore?.loss
        object["heldOutLossAfter"] = report.heldOutAfter?.loss
        printAsJSON(object)
    }

    private func printSummary(_ report: FineTuningReport) {
        if let before = report.heldOutBefore, let after = report.heldOutAfter {
            print(
                """

                held-out loss     \(fixed(before.loss, 4)) → \(fixed(after.loss, 4))
                perplexity        \(fixed(before.perplexity, 2)) → \(fixed(after.perplexity, 2))
                """)
        }
        print("tokens/s          \(fixed(report.tokensPerSecond, 1)) over \(report.steps) steps")
        if let prompt = report.prompt, let before = report.replyBefore, let after = report.replyAfter {
            print(
                """

                \(quoted(prompt))
                  before: \(quoted(before))
                  after:  \(quoted(after))
                """)
        }
        print(
            """

            checkpoint        \(report.checkpoint)
            exported model    \(report.exported)
            """)
    }

    private func quoted(_ text: String) -> String { "“\(text.replacingOccurrences(of: "\n", with: " "))”" }
}

/// Prints an object on one line of standard output.
func printAsJSON(_ object: [String: Any]) {
    let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? JSONSerialization.data(withJSONObject: object, options: options) else { return }
    print(String(decoding: data, as: UTF8.self))
}

func fixed(_ number: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", number) }

func scientific(_ number: Double) -> String { String(format: "%.2e", number) }
