import Synchronization

/// How long the calls of a trainer and of its sampler have taken, by name.
public final class CallTimes: Sendable {
    private let sums = Mutex<[String: Duration]>([:])

    public init() {}

    public var seconds: [String: Double] { sums.withLock { $0.mapValues { $0 / .seconds(1) } } }

    func measure<Result>(_ call: String, _ body: () async throws -> Result) async rethrows -> Result {
        let start = ContinuousClock.now
        defer { sums.withLock { $0[call, default: .zero] += start.duration(to: .now) } }
        return try await body()
    }
}
