import Foundation
import Synchronization

/// Shows on a terminal how far a long look at data is: what share of it, how fast, and how long it will take.
final class OpeningDisplay: Sendable {
    private struct State {
        var start = ContinuousClock.now
        var shown = ContinuousClock.now
        /// What is looked at; another number begins another look.
        var all: Int? = -1
        var isOnScreen = false
    }

    private let title: String
    private let unit: String?
    private let bar = ProgressBar()
    private let state = Mutex(State())

    /// - Parameter unit: what is counted; nil for bytes.
    init(_ title: String, unit: String? = nil) { (self.title, self.unit) = (title, unit) }

    /// - Throws: `CancellationError` once the command is to stop.
    @Sendable func show(_ done: Int, of all: Int) throws { try show(done, of: Int?.some(all)) }

    /// - Parameter all: nil where nobody knows.
    /// - Throws: `CancellationError` once the command is to stop.
    func show(_ done: Int, of all: Int?) throws {
        try Task.checkCancellation()
        let now = ContinuousClock.now
        let seconds = state.withLock { state -> Double? in
            if state.all != all { (state.start, state.all) = (now, all) }
            // What takes no second needs no word, and nobody reads faster than a few times a second.
            guard state.start.duration(to: now) > .seconds(1), state.shown.duration(to: now) > .milliseconds(200) else { return nil }
            (state.shown, state.isOnScreen) = (now, true)
            return state.start.duration(to: now) / .seconds(1)
        }
        guard let seconds, all ?? 1 > 0, done > 0 else { return }
        let rate = Double(done) / seconds
        let speed = unit.map { "\(Int(rate)) \($0)/s" } ?? "\(Int(rate / 1e6)) MB/s"
        guard let all else { return bar.show("\(title) \(done) \(unit ?? "bytes")", fraction: 0, detail: [speed], isMilestone: false) }
        let left = "\(readable(seconds: Double(all - done) / rate)) left"
        bar.show(title, fraction: Double(done) / Double(all), detail: [speed, left], isMilestone: false)
    }

    /// Takes the line away.
    func end() { if state.withLock({ $0.isOnScreen }) { bar.clear() } }
}
