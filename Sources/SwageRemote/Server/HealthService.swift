#if Engines
package import GRPCCore
import SwiftProtobuf

/// gRPC's standard health service, for a process that serves as long as it lives.
package struct HealthService: Grpc_Health_V1_Health.SimpleServiceProtocol {
    /// The names that are answered for; the empty one is the server as a whole.
    private let services: Set = ["", "swage.v1.TrainerService"]

    package func check(
        request: Grpc_Health_V1_HealthCheckRequest, context: ServerContext
    ) async throws -> Grpc_Health_V1_HealthCheckResponse {
        guard services.contains(request.service) else {
            throw RPCError(code: .notFound, message: "there is no service \"\(request.service)\" here")
        }
        return .with { $0.status = .serving }
    }

    package func watch(
        request: Grpc_Health_V1_HealthCheckRequest, response: RPCWriter<Grpc_Health_V1_HealthCheckResponse>,
        context: ServerContext
    ) async throws {
        try await response.write(.with { $0.status = services.contains(request.service) ? .serving : .serviceUnknown })
        try await context.cancellation.cancelled
    }
}
#endif
