#if Engines
import Foundation
import Swage
import SwageRemote

/// A trainer behind a server of its own on a Unix socket, in this process.
package struct ServedTrainer {
    package let address: TrainerAddress
    private let task: Task<Void, any Error>

    package init(
        _ trainer: any Trainer, sampler: (any Sampler)? = nil, at address: TrainerAddress? = nil, checkpoints: String? = nil,
        allowing allowed: [String] = [], token: String? = nil, identity: TrainerServer.Identity? = nil,
        limits: TrainerServer.Limits = .init(), savesAtEnd: Bool = false, saved: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws {
        var limits = limits
        if !savesAtEnd { limits.saving = .zero }
        let address = address ?? .socket(shortTemporaryPath())
        let server = try TrainerServer(
            trainer, sampler: sampler, at: address, checkpoints: checkpoints, allowing: allowed, token: token, identity: identity,
            limits: limits)
        let (ready, signal) = AsyncStream.makeStream(of: TrainerAddress.self)
        task = Task {
            defer { signal.finish() }
            try await server.run(ready: { signal.yield($0) }, saved: saved)
        }
        var addresses = ready.makeAsyncIterator()
        guard let bound = await addresses.next() else {
            try await task.value
            throw TrainerError(.engineFailed, "the server ended before it was ready")
        }
        self.address = bound
    }

    package func stop() async {
        task.cancel()
        _ = try? await task.value
    }
}

/// Serves `trainer` while `body` talks to it.
package func withServed<Result>(
    _ trainer: any Trainer, sampler: (any Sampler)? = nil, checkpoints: String? = nil, token: String? = nil,
    options: RemoteTrainer.Options = .init(), _ body: (RemoteTrainer) async throws -> Result
) async throws -> Result {
    let served = try await ServedTrainer(trainer, sampler: sampler, checkpoints: checkpoints, token: token)
    do {
        let remote = try await RemoteTrainer(at: served.address, options: options)
        let result = try await body(remote)
        await remote.close()
        await served.stop()
        return result
    } catch {
        await served.stop()
        throw error
    }
}

#endif
