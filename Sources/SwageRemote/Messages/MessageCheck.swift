#if Engines
import GRPCCore
import Swage

/// Says of a request that is not one message of its call what it is, in place of gRPC's own words.
struct MessageCheck: ServerInterceptor {
    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>, context: ServerContext,
        next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        do {
            return try await next(request, context)
        } catch let error as RPCError {
            guard let found = Self.found(error) else { throw error }
            throw RPCError(
                TrainerError(
                    .invalidData, "the request of \(context.descriptor.method) \(found)",
                    expected: "one message, as proto/swage/v1/trainer.proto has it"))
        }
    }

    private static func found(_ error: RPCError) -> String? {
        switch (error.code, error.message) {
        case (.invalidArgument, let message) where message.hasPrefix("Can't deserialize"): "cannot be read"
        case (.internalError, "Empty stream."): "is missing"
        case (.internalError, "Too many messages."): "is more than one message"
        default: nil
        }
    }
}
#endif
