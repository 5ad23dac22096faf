public import Foundation
import Swage

/// Where the time of an engine's calls goes, by phase.
public struct NativeProfile: Sendable {
    /// What a stretch of time was spent on.
    public enum Phase: String, Sendable, CaseIterable {
        /// The products with the model's weight matrices, forward and backward.
        case products
        /// What queries see of keys and values, forward and backward, with their products.
        case attention
        /// RMS norms (Zhang and Sennrich, 2019) of whole positions, with the residual sums before them.
        case normalization
        /// Work on single numbers: rotary positions, SwiGLU, rows of the embedding, and forward a head's own bias and norm.
        case elementwise
        /// The softmax over the vocabulary: log-probabilities, entropies, and the gradients of logits.
        case loss
        /// The whole of a step: the gradient's norm, clipping, and AdamW.
        case optimizer
        /// The rest of the engine's calls.
        case other
        /// Between the engine's calls: data, checkpoints, whatever the application does.
        case data
    }

    /// One stretch of time, in nanoseconds since the profile began.
    public struct Span: Sendable {
        /// What the time was spent on.
        public let phase: Phase
        /// When it began, in nanoseconds.
        public let begin: UInt64
        /// When it ended, in nanoseconds; never before `begin`.
        public let end: UInt64
    }

    /// The time of a phase as a whole.
    public struct Total: Sendable {
        /// How long its stretches took together.
        public internal(set) var seconds = 0.0
        /// How many stretches it was.
        public internal(set) var count = 0
    }

    /// In order of time; of a long profile the first ``mostSpans``.
    public private(set) var spans: [Span] = []
    /// All stretches of each phase, those beyond ``mostSpans`` among them; a phase without any is not there.
    public private(set) var totals: [Phase: Total] = [:]
    /// What a trace can hold: some minutes of training a small model.
    public static let mostSpans = 1 << 18
    /// For how long the calling thread waited, within those phases, for other threads to end their part, in
    /// nanoseconds.
    public internal(set) var waiting: UInt64 = 0

    mutating func append(_ span: Span) {
        totals[span.phase, default: Total()].seconds += Double(span.end - span.begin) * 1e-9
        totals[span.phase, default: Total()].count += 1
        if spans.count < Self.mostSpans { spans.append(span) }
    }

    /// The profile in the format that `chrome://tracing` and Perfetto open.
    public func chromeTrace() throws -> Data {
        let events = spans.map { span in
            TraceEvent(
                name: span.phase.rawValue, ph: "X", ts: Double(span.begin) / 1e3,
                dur: Double(span.end - span.begin) / 1e3, pid: 1, tid: 1)
        }
        return try JSONEncoder().encode(["traceEvents": events])
    }

    private struct TraceEvent: Encodable {
        let name, ph: String
        let ts, dur: Double
        let pid, tid: Int
    }
}

/// Records a profile. It belongs to one engine, and is used by one call at a time.
final class Profiler {
    private var profile = NativeProfile()
    private let beginning = DispatchTime.now().uptimeNanoseconds
    private var isInPhase = false
    private var covered: UInt64 = 0

    private var now: UInt64 { DispatchTime.now().uptimeNanoseconds - beginning }

    /// Records what `body` does as one stretch of a phase. A phase within a phase belongs to the outer one.
    func measure<Result>(_ phase: NativeProfile.Phase, _ body: () throws -> Result) rethrows -> Result {
        if isInPhase { return try body() }
        isInPhase = true
        let begin = now
        defer {
            isInPhase = false
            record(phase, begin)
        }
        return try body()
    }

    /// Notes that a call of the engine begins; what was before it is the application's.
    func beginCall() {
        record(.data, covered)
    }

    private func record(_ phase: NativeProfile.Phase, _ begin: UInt64) {
        if begin > covered { profile.append(.init(phase: .other, begin: covered, end: begin)) }
        covered = now
        profile.append(.init(phase: phase, begin: begin, end: covered))
    }

    /// Notes that a call of the engine ends.
    func endCall() {
        let end = now
        if end > covered { profile.append(.init(phase: .other, begin: covered, end: end)) }
        covered = end
    }

    /// The profile so far; `waited` is the team's waiting time.
    func result(waited: UInt64) -> NativeProfile {
        var result = profile
        result.waiting = waited
        return result
    }
}

extension Profiler? {
    /// Records what `body` does, where there is a profiler.
    func measure<Result>(_ phase: NativeProfile.Phase, _ body: () throws -> Result) rethrows -> Result {
        guard let self else { return try body() }
        return try self.measure(phase, body)
    }
}
