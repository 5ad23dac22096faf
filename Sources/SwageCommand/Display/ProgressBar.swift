import Foundation

/// One line on a terminal that is written over as work goes on; where nothing can be written over, a line now and then.
package final class ProgressBar: Sendable {
    private let terminal = Terminal()

    /// Shows how far the work is.
    /// - Parameters:
    ///   - fraction: from 0 to 1.
    ///   - detail: what to say beside the bar. On a narrow terminal its first and its last part stay longest.
    ///   - isMilestone: whether a log should have this line.
    func show(_ title: String, fraction: Double, detail: [String], isMilestone: Bool) {
        if terminal.canWriteOver {
            writeToStandardError(Terminal.clearedLine + Self.line(title, fraction, detail, columns: terminal.columns))
        } else if isMilestone {
            writeToStandardError("\(title) \(detail.joined(separator: "  "))\n")
        }
    }

    /// Leaves the bar as it is and goes to the next line.
    func end() { if terminal.canWriteOver { writeToStandardError("\n") } }

    /// Takes the bar away.
    func clear() { if terminal.canWriteOver { writeToStandardError(Terminal.clearedLine) } }

    /// Writes a line that stays, in place of the bar.
    func note(_ text: String) { writeToStandardError((terminal.canWriteOver ? Terminal.clearedLine : "") + text + "\n") }

    /// A line that is shorter than the terminal is wide, so that no line is left behind when it is written over.
    package static func line(_ title: String, _ fraction: Double, _ detail: [String], columns: Int) -> String {
        let room = max(1, columns - 1)
        var parts = detail
        func text() -> String { ([title] + (parts.isEmpty ? [] : [parts.joined(separator: "  ")])).joined(separator: " ") }
        while text().count > room, parts.count > 1 { parts.remove(at: parts.count == 2 ? 0 : parts.count - 2) }
        if text().count > room { parts = [] }
        let width = min(24, room - text().count - 1)
        guard width >= 6 else { return text().count > room ? text().prefix(room - 1) + "…" : text() }
        let filled = Int((max(0, min(1, fraction)) * Double(width)).rounded(.down))
        let bar = String(repeating: "━", count: filled) + String(repeating: "┄", count: width - filled)
        return ([title, bar] + (parts.isEmpty ? [] : [parts.joined(separator: "  ")])).joined(separator: " ")
    }
}

/// Standard error, as far as it is a terminal.
struct Terminal: Sendable {
    /// The beginning of a line on which nothing stands.
    static let clearedLine = "\r\u{1B}[2K"

    /// Whether it is a terminal that knows escapes, and whose user has not asked for none (no-color.org).
    let canWriteOver: Bool

    init() { canWriteOver = Self.hasColor(STDERR_FILENO) }

    /// Whether a descriptor is such a terminal.
    static func hasColor(_ descriptor: Int32) -> Bool {
        let environment = ProcessInfo.processInfo.environment
        return isatty(descriptor) == 1 && !["", "dumb"].contains(environment["TERM"] ?? "") && environment["NO_COLOR", default: ""].isEmpty
    }

    /// How wide it is now. `COLUMNS` counts more than what the terminal says.
    var columns: Int {
        if let columns = ProcessInfo.processInfo.environment["COLUMNS"].flatMap({ Int($0) }), columns > 0 { return columns }
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }
}

/// A duration as a person reads it: `42s`, `3m05s`, `1h02m`.
func readable(seconds: Double) -> String {
    let whole = Int(max(0, min(seconds, 1e15)).rounded())
    if whole < 60 { return "\(whole)s" }
    func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return whole < 3600
        ? "\(whole / 60)m\(padded(whole % 60))s" : "\(whole / 3600)h\(padded(whole / 60 % 60))m"
}
