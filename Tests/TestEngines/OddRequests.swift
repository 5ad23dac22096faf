#if Engines
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Swage
import SwageRemote

/// Requests that no trainer can carry out, each of which is refused in words, whatever speaks the service.
package enum OddRequests {
    package typealias Stub = Swage_V1_TrainerService.Client<HTTP2ClientTransport.Posix>

    /// Runs `body` with a connection of its own to a Unix socket.
    package static func withStub<Result: Sendable>(
        _ address: TrainerAddress, _ body: @Sendable (Stub) async throws -> Result
    ) async throws -> Result {
        guard case .socket(let path) = address.kind else { throw TrainerError(.invalidOption, "\(address) is no socket") }
        return try await withGRPCClient(
            transport: .http2NIOPosix(target: .unixDomainSocket(path: path), transportSecurity: .plaintext)
        ) { try await body(Stub(wrapping: $0)) }
    }

    /// Sends all of them to a trainer of the tiny model, and says of each that was not refused as it should be what happened.
    /// - Parameter writes: whether the trainer writes.
    package static func failures(_ address: TrainerAddress, writes: Bool) async throws -> [String] {
        try await withStub(address) { stub in
            var failures: [String] = []
            for odd in batches + (writes ? prompts : []) {
                do {
                    try await odd.send(stub)
                    failures.append("\(odd.name): it was answered")
                } catch let error as RPCError {
                    let code = Array(error.metadata[stringValues: "swage-error-code"]).first ?? "\(error.code)"
                    if !odd.codes.contains(code) { failures.append("\(odd.name): \(code): \(error.message)") }
                    if error.message.isEmpty || error.message.utf8.count > 4000 {
                        failures.append("\(odd.name): a message of \(error.message.utf8.count) bytes")
                    }
                }
                let status = try await stub.getStatus(.init())
                if status.accumulatedMicrobatches != 0 { failures.append("\(odd.name): \(status)") }
            }
            return failures
        }
    }

    private struct Odd: Sendable {
        let name: String
        let codes: [String]
        let send: @Sendable (Stub) async throws -> Void
    }

    private static func tensor(_ type: Swage_V1_DataType, _ shape: [Int64], bytes: Int) -> Swage_V1_Tensor {
        .with {
            $0.type = type
            $0.shape = shape
            $0.data = Data(count: bytes)
        }
    }

    private static func batch(
        _ name: String, _ codes: [String], _ change: @escaping @Sendable (inout Swage_V1_ForwardBackwardRequest) -> Void
    ) -> Odd {
        Odd(name: name, codes: codes) { stub in
            var request = Swage_V1_ForwardBackwardRequest()
            request.inputIds = tensor(.int32, [2, 3], bytes: 24)
            request.targetIds = tensor(.int32, [2, 3], bytes: 24)
            change(&request)
            _ = try await stub.forwardBackward(request)
        }
    }

    private static func outputs(_ name: String, _ codes: [String], _ outputs: [String]) -> Odd {
        Odd(name: name, codes: codes) { stub in
            let request = Swage_V1_ForwardRequest.with {
                $0.inputIds = tensor(.int32, [1, 3], bytes: 12)
                $0.outputs = outputs
            }
            try await stub.forward(request) { for try await _ in $0.messages {} }
        }
    }

    private static let batches = [
        batch("no inputs", ["invalidBatch"]) { $0.clearInputIds() },
        batch("no targets", ["invalidBatch"]) { $0.clearTargetIds() },
        batch("bytes that are fewer", ["invalidShape"]) { $0.inputIds.data.removeLast(4) },
        batch("bytes that are more", ["invalidShape"]) { $0.inputIds.data.append(contentsOf: [0, 0, 0, 0]) },
        batch("half a number", ["invalidShape"]) { $0.inputIds.data.removeLast() },
        batch("a negative extent", ["invalidShape"]) { $0.inputIds.shape = [-2, -3] },
        batch("an extent of 0", ["invalidShape"]) { $0.inputIds = tensor(.int32, [0, 3], bytes: 0) },
        batch("an extent of 2^62", ["invalidShape"]) { $0.inputIds.shape = [1 << 62, 1 << 62] },
        batch("an extent of 2^62 beside one of 0", ["invalidShape"]) { $0.inputIds = tensor(.int32, [0, 1 << 62, 8], bytes: 0) },
        batch("extents whose product is 24 bytes beyond 64 bits", ["invalidShape"]) { $0.inputIds.shape = [1 << 62, 4, 6] },
        batch("a hundred thousand axes", ["invalidShape"]) { $0.inputIds.shape = Array(repeating: 1, count: 100_000) },
        batch("floats for ids", ["invalidShape"]) { $0.inputIds.type = .float32 },
        batch("numbers of no type", ["invalidShape"]) { $0.inputIds.type = .unspecified },
        batch("numbers of an unknown type", ["invalidShape"]) { $0.inputIds.type = .UNRECOGNIZED(99) },
        batch("a mask of another shape", ["invalidShape"]) { $0.targetMask = tensor(.float32, [3, 2], bytes: 24) },
        batch("a mask of 0", ["invalidBatch"]) { $0.targetMask = tensor(.float32, [2, 3], bytes: 24) },
        batch("a loss input of another type", ["invalidShape"]) { $0.lossInputs["x"] = tensor(.int32, [1], bytes: 4) },
        batch("a loss that is no JSON", ["invalidLoss"]) { $0.loss = Data([0, 0xFF, 0x7B]) },
        batch("a loss that is other JSON", ["invalidLoss"]) { $0.loss = Data("[1, 2]".utf8) },
        batch("a loss without nodes", ["invalidLoss"]) { $0.loss = Data(#"{"format": "swage.loss", "version": 1, "name": "x"}"#.utf8) },
        batch("a loss of a thousand brackets", ["invalidLoss"]) { $0.loss = Data(repeating: UInt8(ascii: "["), count: 100_000) },
        batch("an id of a megabyte", ["invalidOption"]) { $0.requestID = String(repeating: "i", count: 1 << 20) },
        outputs("no outputs", ["invalidBatch"], []),
        outputs("an unknown output", ["invalidBatch"], ["logits", "thoughts"]),
        outputs("an output with a name of a megabyte", ["invalidBatch"], [String(repeating: "l", count: 1 << 20)]),
        outputs("log-probabilities without targets", ["invalidBatch"], ["logProbs"]),
        Odd(name: "a cancellation of nothing", codes: ["invalidOption"]) { _ = try await $0.cancel(.init()) },
    ]

    private static func prompt(
        _ name: String, _ code: String, _ change: @escaping @Sendable (inout Swage_V1_GenerateRequest) -> Void
    ) -> Odd {
        Odd(name: name, codes: [code]) { stub in
            var request = Swage_V1_GenerateRequest()
            request.prompts = [.with { $0.tokens = [1, 2, 3] }]
            request.maxTokens = 2
            request.topP = 1
            request.concurrency = 1
            change(&request)
            try await stub.generate(request) { for try await _ in $0.messages {} }
        }
    }

    private static let prompts = [
        prompt("2^40 tokens", "tooLarge") { $0.maxTokens = 1 << 40 },
        prompt("2^63 - 1 tokens", "tooLarge") { $0.maxTokens = .max },
        prompt("no tokens", "invalidOption") { $0.maxTokens = 0 },
        prompt("a temperature below 0", "invalidOption") { $0.temperature = -1 },
        prompt("a temperature that is no number", "invalidOption") { $0.temperature = .nan },
        prompt("an infinite temperature", "invalidOption") { $0.temperature = .infinity },
        prompt("a top-k of 0", "invalidOption") { $0.topK = 0 },
        prompt("a top-p that is no number", "invalidOption") { $0.topP = .nan },
        prompt("a stop string of 10 MB", "invalidOption") { $0.stopStrings = [String(repeating: "s", count: 10 << 20)] },
        prompt("a hundred thousand stop strings", "invalidOption") { $0.stopStrings = (0..<100_000).map { "\($0)" } },
        prompt("an empty stop string", "invalidOption") { $0.stopStrings = [""] },
        prompt("a first token outside the vocabulary", "tokenOutOfRange") { $0.firstTokens = [1, 300] },
        prompt("two million first tokens", "invalidOption") { $0.firstTokens = Array(repeating: 1, count: 2 << 20) },
        prompt("no concurrency", "invalidOption") { $0.concurrency = 0 },
        prompt("an empty prompt", "invalidBatch") { $0.prompts.append(.init()) },
        prompt("a token outside the vocabulary", "tokenOutOfRange") { $0.prompts[0].tokens.append(300) },
    ]
}
#endif
