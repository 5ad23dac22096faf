import Synchronization

/// Shows how far a measurement is, and how fast it goes.
final class MeasurementDisplay: Sendable {
    private let bar = ProgressBar()
    private let (what, count, unit): (String, Int, String)
    private let begun = ContinuousClock.now
    private let state = Mutex(State())

    private struct State {
        /// What an earlier run had done.
        var first: Double?
        /// How many tenths a log has been told of.
        var tenths = 0
    }

    private init(_ what: String, of count: Int, _ unit: String) { (self.what, self.count, self.unit) = (what, count, unit) }

    /// - Parameters:
    ///   - count: how many things are measured; nil for none.
    ///   - body: measures, and says how much is done, from 0 to 1.
    static func showing<Result: Sendable>(
        _ what: String, of count: Int?, _ unit: String,
        _ body: (@escaping @Sendable (Double) -> Void) async throws -> Result?
    ) async throws -> Result? {
        guard let count else { return nil }
        let display = MeasurementDisplay(what, of: count, unit)
        defer { display.bar.end() }
        return try await body { display.show($0) }
    }

    private func show(_ done: Double) {
        let elapsed = begun.duration(to: .now) / .seconds(1)
        let (first, isMilestone) = state.withLock { state in
            let first = state.first ?? done
            state.first = first
            defer { state.tenths = max(state.tenths, Int(done * 10)) }
            return (first, Int(done * 10) > state.tenths)
        }
        let measured = Int((done * Double(count)).rounded())
        var detail = ["\(measured)/\(count) \(unit)"]
        if done > first {
            let speed = (done - first) / elapsed
            detail += ["\(fixed(speed * Double(count), 1))/s", "\(readable(seconds: (1 - done) / speed)) left"]
        } else if done > 0 {
            bar.note("\(what): going on after \(measured) of \(count) \(unit)")
        }
        bar.show(what, fraction: done, detail: detail, isMilestone: isMilestone)
    }
}
