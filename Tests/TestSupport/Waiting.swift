/// Something did not happen in time.
package struct WaitedInVain: Error, CustomStringConvertible {
    package let description: String
}

/// Waits until something holds, looking again and again.
/// - Parameter what: names it in the failure.
/// - Throws: ``WaitedInVain`` if it does not hold within the limit.
package func waitUntil(
    _ what: String, within limit: Duration = .seconds(60), _ holds: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !holds() {
        guard ContinuousClock.now < end else { throw WaitedInVain(description: "not within \(limit): \(what)") }
        try await Task.sleep(for: .milliseconds(10))
    }
}
