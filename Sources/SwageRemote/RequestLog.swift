#if Engines
/// What a service has carried out, so that a request that comes again is answered and not carried out again.
///
/// Only what succeeded is kept: a call that failed has changed nothing, and may be tried again.
actor RequestLog {
    private var tasks: [String: Task<any Sendable, any Error>] = [:]
    /// The ids of requests that succeeded, oldest first.
    private var succeeded: [String] = []
    /// A client asks again about its last few requests only.
    private static let capacity = 256

    /// The result of the request `id`: of the first time, if it has come before.
    func once<Result: Sendable>(
        _ id: String, _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        guard !id.isEmpty else { return try await body() }
        if let known = tasks[id], let result = try? await known.value as? Result { return result }
        let task = Task<any Sendable, any Error> { try await body() }
        tasks[id] = task
        do {
            let result = try await task.value
            remember(id)
            return result as! Result
        } catch {
            if tasks[id] == task { tasks[id] = nil }
            throw error
        }
    }

    /// Cancels the request if it is under way.
    func cancel(_ id: String) { tasks[id]?.cancel() }

    private func remember(_ id: String) {
        succeeded.append(id)
        if succeeded.count > Self.capacity { tasks[succeeded.removeFirst()] = nil }
    }
}
#endif
