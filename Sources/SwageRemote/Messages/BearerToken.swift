#if Engines
import GRPCCore
import Swage

/// Lets only calls in that carry the token, as `authorization: Bearer …`.
struct BearerTokenCheck: ServerInterceptor {
    private let token: String

    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` for a token that everybody knows, or that no call can carry.
    init(token: String) throws {
        guard token.contains(where: { $0 != " " }), token.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) else {
            throw TrainerError(
                .invalidOption, "the token is empty, or has characters that no call can carry",
                expected: "letters, digits and punctuation of ASCII, or no token at all")
        }
        self.token = token
    }

    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>, context: ServerContext,
        next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        let given = Array(request.metadata[stringValues: "authorization"]).first ?? ""
        guard given.isEqualInConstantTime(to: "Bearer \(token)") else {
            throw RPCError(code: .unauthenticated, message: given.isEmpty ? "the call has no token" : "the token is wrong")
        }
        return try await next(request, context)
    }
}

extension String {
    /// Compares without telling by its time how much of the two is equal.
    fileprivate func isEqualInConstantTime(to other: String) -> Bool {
        let (own, theirs) = (Array(utf8), Array(other.utf8))
        return own.count == theirs.count && zip(own, theirs).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
#endif
