#if Engines
import GRPCCore

/// Refuses calls that were meant for an earlier start of a service, whose state this one does not have.
struct InstanceCheck: ServerInterceptor {
    static let key = "swage-instance"

    let instance: String

    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>, context: ServerContext,
        next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        // A load says what the state is from now on, whatever a client knew of it.
        let isForAny = context.descriptor.method == "Load"
        if !isForAny, let meant = Array(request.metadata[stringValues: Self.key]).first, meant != instance {
            throw RPCError(code: .aborted, message: "it was started anew")
        }
        return try await next(request, context)
    }
}
#endif
