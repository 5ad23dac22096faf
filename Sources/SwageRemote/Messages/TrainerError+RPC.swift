#if Engines
package import GRPCCore
package import Swage

private let codeKey = "swage-error-code"
private let expectedKey = "swage-expected-bin"

extension RPCError {
    /// What goes over the wire for an error of a trainer.
    init(_ error: any Error) {
        switch error {
        case let error as RPCError:
            self = error
        case is CancellationError:
            self.init(code: .cancelled, message: "the call was cancelled and has changed nothing")
        case let error as TrainerError:
            var metadata: Metadata = [codeKey: "\(error.code.rawValue)"]
            if let expected = error.expected { metadata.addBinary(Array(expected.shortened.utf8), forKey: expectedKey) }
            self.init(code: Self.statuses[error.code] ?? .internalError, message: error.message.shortened, metadata: metadata)
        default:
            self.init(code: .internalError, message: "\(error)".shortened)
        }
    }

    /// Whether no trainer has said it, but the connection to one.
    var isOfTransport: Bool {
        [.unavailable, .unknown, .internalError].contains(code) && !namesError
    }

    /// Whether it is an error of the protocol, whatever status it travels with.
    var namesError: Bool { metadata[stringValues: codeKey].contains { _ in true } }

    /// The status that each code travels with; others are internal errors. The Python workers' table is made of it.
    package static let statuses: [TrainerError.Code: RPCError.Code] = [
        .invalidShape: .invalidArgument, .invalidBatch: .invalidArgument, .invalidLoss: .invalidArgument,
        .invalidOption: .invalidArgument, .invalidData: .invalidArgument, .tokenOutOfRange: .outOfRange,
        .nothingAccumulated: .failedPrecondition, .nonFinite: .failedPrecondition,
        .checkpointNotFound: .notFound, .checkpointMismatch: .failedPrecondition, .corruptFile: .dataLoss,
        .unsupported: .unimplemented, .missingDependency: .failedPrecondition, .tooLarge: .resourceExhausted,
        .busy: .resourceExhausted, .unauthenticated: .unauthenticated, .notAllowed: .permissionDenied,
        .deadlineExceeded: .deadlineExceeded,
    ]
}

extension String {
    /// At most a page of it: what a caller has sent, and an error names, may be of any length, and headers may not.
    fileprivate var shortened: String {
        utf8.count <= 2000 ? self : String(decoding: utf8.prefix(1200), as: UTF8.self) + " … " + String(decoding: utf8.suffix(400), as: UTF8.self)
    }
}

extension TrainerError {
    /// Whether it is about how gRPC waits for a connection, which says nothing of why there is none.
    private static func isOfGRPC(_ reason: String) -> Bool { reason.contains("wait for ready") }

    /// What a call over the wire ended with, in the words of this side.
    init(_ error: RPCError, from place: String) {
        if let code = Array(error.metadata[stringValues: codeKey]).first {
            let expected = Array(error.metadata[binaryValues: expectedKey]).first
            self.init(
                Code(rawValue: code), error.message, expected: expected.map { String(decoding: $0, as: UTF8.self) })
            return
        }
        let reason = error.message.isEmpty ? "\(error.code)" : error.message
        switch error.code {
        case .unavailable:
            self.init(
                .connectionLost, "the trainer at \(place) cannot be reached\(Self.isOfGRPC(reason) ? "" : ": \(reason)")",
                expected: "a trainer that is being served there")
        case .aborted:
            self.init(
                .connectionLost, "the trainer at \(place) has lost its state: \(reason)",
                expected: "load of a checkpoint before anything else")
        case .deadlineExceeded:
            self.init(.deadlineExceeded, "the trainer at \(place) took longer than the call was given")
        case .unauthenticated, .permissionDenied:
            self.init(.unauthenticated, "the trainer at \(place) refuses this caller: \(reason)", expected: "its token")
        case .resourceExhausted where !reason.contains("larger than") && !reason.contains("too large"):
            self.init(.busy, "the trainer at \(place) takes no more at the moment: \(reason)", expected: "fewer calls at once")
        case .resourceExhausted:
            self.init(.tooLarge, "a message is too large for the trainer at \(place): \(reason)", expected: "smaller microbatches")
        case .unimplemented:
            self.init(.unsupported, "the trainer at \(place) does not know this call: \(reason)")
        default:
            self.init(.engineFailed, "the trainer at \(place) failed (\(error.code)): \(reason)")
        }
    }
}
#endif
