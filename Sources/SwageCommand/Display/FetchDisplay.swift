import Foundation
import Swage
import SwageFiles
import Synchronization

/// How a fetch goes, on standard error; nothing where there is nothing to fetch.
final class FetchDisplay: Sendable {
    private struct State {
        /// When so many bytes had come, of late.
        var marks: [(time: ContinuousClock.Instant, bytes: Int)] = []
        var lastLine: ContinuousClock.Instant?
        var hasShown = false
        var isComplete = false
    }

    private let bar = ProgressBar()
    private let state = Mutex(State())

    /// Shows what a fetch tells while it runs.
    static func fetching<Value>(_ fetch: (@escaping @Sendable (HubEvent) -> Void) async throws -> Value) async throws -> Value {
        let display = FetchDisplay()
        defer { display.end() }
        return try await fetch { display.show($0) }
    }

    private func show(_ event: HubEvent) {
        switch event {
        case .note(let text): bar.note(text)
        case .progress(let progress): show(progress)
        }
    }

    private func show(_ progress: HubProgress) {
        let now = ContinuousClock.now
        let isWhole = progress.files == progress.totalFiles
        state.withLock { state in
            if !state.hasShown, isWhole { return }
            state.marks.append((now, progress.fetchedBytes))
            while state.marks.count > 2, state.marks[0].time.duration(to: now) > .seconds(5) { state.marks.removeFirst() }
            let isMilestone = !state.hasShown || isWhole || state.lastLine.map { $0.duration(to: now) > .seconds(10) } ?? true
            if isMilestone { state.lastLine = now }
            (state.hasShown, state.isComplete) = (true, isWhole)
            let seconds = state.marks[0].time.duration(to: now) / .seconds(1)
            let rate = seconds > 0 ? Double(progress.fetchedBytes - state.marks[0].bytes) / seconds : 0
            bar.show(
                progress.repository, fraction: progress.totalBytes > 0 ? Double(progress.bytes) / Double(progress.totalBytes) : 1,
                detail: Self.detail(progress, rate), isMilestone: isMilestone)
        }
    }

    private static func detail(_ progress: HubProgress, _ rate: Double) -> [String] {
        let rest = Double(progress.totalBytes - progress.bytes)
        return [
            "\(readable(bytes: progress.bytes)) of \(readable(bytes: progress.totalBytes))",
            "\(progress.files) of \(progress.totalFiles) files",
            rate > 0 ? "\(readable(bytes: Int(min(rate, 1e15))))/s" : nil,
            rate > 0 && rest > 0 ? "\(readable(seconds: rest / rate)) left" : nil,
        ].compactMap { $0 }
    }

    private func end() { if state.withLock({ $0.hasShown }) { bar.end() } }
}

/// A size as a person reads it: `271.1 MB`.
func readable(bytes: Int) -> String {
    let units: [(Double, String)] = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")]
    guard let unit = units.first(where: { Double(bytes) >= $0.0 }) else { return "\(bytes) B" }
    return fixed(Double(bytes) / unit.0, 1) + " " + unit.1
}
