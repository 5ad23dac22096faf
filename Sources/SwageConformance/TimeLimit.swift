/// What `body` comes to within a time. After that it is cancelled, and not waited for: a call that never ends keeps nobody.
/// - Parameter what: what an error says is not done: "the check".
/// - Throws: ``ConformanceFailure`` when the time is over, or what `body` throws.
package func within<Value: Sendable>(
    _ limit: Duration, _ what: String, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let (results, teller) = AsyncThrowingStream.makeStream(of: Value.self)
    let working = Task {
        do {
            teller.yield(try await body())
        } catch {
            teller.finish(throwing: error)
        }
    }
    let waiting = Task {
        try await Task.sleep(for: limit)
        teller.finish(throwing: ConformanceFailure(description: "\(what) is not done within the time limit of \(Int((limit / .seconds(1)).rounded(.up))) s"))
    }
    defer {
        working.cancel()
        waiting.cancel()
    }
    for try await value in results { return value }
    throw CancellationError()
}
