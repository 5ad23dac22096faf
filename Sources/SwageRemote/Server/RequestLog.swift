#if Engines
import Swage
import Synchronization

/// What a service has carried out and what it is at, so that a request that comes again is answered and not carried out
/// again.
///
/// A request that comes again while it is under way waits for it. Only what succeeded is kept: a call that failed has
/// changed nothing, and of those who ask for it again one carries it out.
actor RequestLog {
    /// One of those who have asked for a request.
    typealias Caller = Int

    private struct Request {
        /// The name of the call that came under this id.
        let call: String
        let task: Task<any Sendable, any Error>
        var callers: Set<Caller> = []
        /// Nil while it is under way.
        var answerBytes: Int?
    }

    /// A longer id is no id.
    static let longestID = 256
    private static let mostAnswers = 1 << 16
    private static let mostAnswerBytes = 64 << 20
    private static let mostCancellations = 1024

    private let lastCaller = Mutex(0)
    private var requests: [String: Request] = [:]
    /// The ids of requests that succeeded, oldest first.
    private var answered: [String] = []
    private var answeredBytes = 0
    /// Requests that are not wanted any more, whether they have come or not; oldest first.
    private var cancelled: [String] = []

    /// Someone who asks, unlike all others.
    nonisolated func newCaller() -> Caller {
        lastCaller.withLock { last in
            last += 1
            return last
        }
    }

    /// The answer of the request `id`: of the first time, if it has come before.
    /// - Parameters:
    ///   - call: what is asked for.
    ///   - caller: who asks.
    ///   - bytes: how much it takes to keep an answer; nil for one that is not kept.
    /// - Throws: what `body` throws, `CancellationError`, or ``TrainerError`` with code `invalidOption` for an id that names
    ///   another call.
    func once<Answer: Sendable>(
        _ id: String, _ call: String, caller: Caller, bytes: @Sendable (Answer) -> Int?,
        _ body: @escaping @Sendable () async throws -> Answer
    ) async throws -> Answer {
        guard !id.isEmpty else { return try await body() }
        try Self.check(id)
        while true {
            try Task.checkCancellation()
            let isFirst = requests[id] == nil
            let task = try join(id, call, caller, body)
            let result = await task.result
            leave(id, caller)
            switch result {
            case .success(let answer):
                guard let answer = answer as? Answer else { throw Self.otherCall(id, requests[id]?.call, call) }
                if isFirst { keep(id, task, bytes(answer)) }
                return answer
            case .failure(let error):
                if requests[id]?.task == task { requests[id] = nil }
                if isFirst { throw error }
            }
        }
    }

    /// Notes that a caller has gone. What nobody waits for any more is ended.
    func leave(_ id: String, _ caller: Caller) {
        guard var request = requests[id], request.callers.remove(caller) != nil else { return }
        requests[id] = request
        if request.callers.isEmpty, request.answerBytes == nil { request.task.cancel() }
    }

    /// Ends the request if it is under way, or when it comes. One that has been carried out stays so.
    /// - Throws: ``TrainerError`` with code `invalidOption` for what is no id.
    func cancel(_ id: String) throws {
        guard !id.isEmpty else {
            throw TrainerError(.invalidOption, "the request that is to be cancelled has no id", expected: "the request_id of a call")
        }
        try Self.check(id)
        if requests[id]?.answerBytes != nil { return }
        requests[id]?.task.cancel()
        if !cancelled.contains(id) { cancelled.append(id) }
        if cancelled.count > Self.mostCancellations { cancelled.removeFirst() }
    }

    /// The attempt that is under way or has succeeded, or a new one.
    private func join(
        _ id: String, _ call: String, _ caller: Caller, _ body: @escaping @Sendable () async throws -> any Sendable
    ) throws -> Task<any Sendable, any Error> {
        if let request = requests[id] {
            guard request.call == call else { throw Self.otherCall(id, request.call, call) }
            requests[id]?.callers.insert(caller)
            return request.task
        }
        if cancelled.contains(id) { throw CancellationError() }
        let task = Task<any Sendable, any Error> {
            try Task.checkCancellation()
            return try await body()
        }
        requests[id] = Request(call: call, task: task, callers: [caller])
        return task
    }

    private func keep(_ id: String, _ task: Task<any Sendable, any Error>, _ bytes: Int?) {
        guard requests[id]?.task == task else { return }
        guard let bytes, bytes <= Self.mostAnswerBytes / 4 else {
            requests[id] = nil
            return
        }
        requests[id]?.answerBytes = bytes
        answered.append(id)
        answeredBytes += bytes
        while answered.count > Self.mostAnswers || answeredBytes > Self.mostAnswerBytes {
            answeredBytes -= requests.removeValue(forKey: answered.removeFirst())?.answerBytes ?? 0
        }
    }

    private static func check(_ id: String) throws {
        guard id.utf8.count <= longestID else {
            throw TrainerError(
                .invalidOption, "the request's id has \(id.utf8.count) bytes", expected: "at most \(longestID)")
        }
    }

    private static func otherCall(_ id: String, _ known: String?, _ call: String) -> TrainerError {
        TrainerError(
            .invalidOption, "the request id \"\(id)\" has come before, for \(known ?? "another call"), and comes again for \(call)",
            expected: "another id for every call")
    }
}
#endif
