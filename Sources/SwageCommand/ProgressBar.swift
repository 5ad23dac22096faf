import Foundation

/// One line on a terminal that is written over as work goes on; where there is no terminal, a line now and then.
final class ProgressBar: Sendable {
    private let isTerminal = isatty(STDERR_FILENO) == 1

    /// Shows how far the work is.
    /// - Parameters:
    ///   - fraction: from 0 to 1.
    ///   - isMilestone: whether a log without a terminal should have this line.
    func show(_ title: String, fraction: Double, detail: String, isMilestone: Bool) {
        if isTerminal {
            let width = 24
            let filled = Int((fraction * Double(width)).rounded(.down))
            let bar = String(repeating: "━", count: filled) + String(repeating: "┄", count: width - filled)
            writeToStandardError("\r\u{1B}[2K\(title) \(bar) \(detail)")
        } else if isMilestone {
            writeToStandardError("\(title) \(detail)\n")
        }
    }

    /// Leaves the bar as it is and goes to the next line.
    func end() { if isTerminal { writeToStandardError("\n") } }

    /// Writes a line that stays, in place of the bar.
    func note(_ text: String) {
        writeToStandardError((isTerminal ? "\r\u{1B}[2K" : "") + text + "\n")
    }
}

/// A duration as a person reads it: `42s`, `3m05s`, `1h02m`.
func readable(seconds: Double) -> String {
    let whole = Int(max(0, seconds).rounded())
    if whole < 60 { return "\(whole)s" }
    func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return whole < 3600
        ? "\(whole / 60)m\(padded(whole % 60))s" : "\(whole / 3600)h\(padded(whole / 60 % 60))m"
}
