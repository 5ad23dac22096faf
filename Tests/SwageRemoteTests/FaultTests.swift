#if Engines
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Swage
import SwageRemote
import TestEngines
import TestSupport
import Testing

/// What goes wrong between two processes ends in an error, not in a wait, with nothing half applied.
@Suite(.serialized) struct FaultTests {
    private func expectCode(
        _ code: TrainerError.Code, within limit: Duration = .seconds(60), _ call: () async throws -> Void
    ) async {
        let start = ContinuousClock.now
        let error = await #expect(throws: TrainerError.self) { try await call() }
        #expect(error?.code == code, "\(String(describing: error))")
        let taken = start.duration(to: .now)
        #expect(taken < limit, "the error took \(taken)")
    }

    @Test func aCancelledCallReachesTheEngine() async throws {
        let trainer = SlowTrainer(.seconds(30))
        try await withServed(trainer) { remote in
            let task = Task { try await remote.forwardBackward(TinyModel.batch) }
            try await waitUntil("the call reaches the engine") { trainer.counts.begun > 0 }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(trainer.counts == .init(begun: 1, ended: 0, cancelled: 1))
        }
    }

    @Test func aDeadlineEndsTheCallOnBothSides() async throws {
        let trainer = SlowTrainer(.seconds(30))
        try await withServed(trainer, options: .init(callTimeout: .milliseconds(300))) { remote in
            await expectCode(.deadlineExceeded) { _ = try await remote.optimStep() }
            try await waitUntil("the call is cancelled") { trainer.counts.cancelled > 0 }
            #expect(trainer.counts.ended == 0)
        }
    }

    @Test func nothingServedIsAnError() async throws {
        let nowhere = TrainerAddress.socket(shortTemporaryPath())
        await expectCode(.connectionLost) {
            _ = try await RemoteTrainer(at: nowhere, options: .init(connectTimeout: .seconds(1)))
        }
    }

    @Test func aServerThatIsGoneIsAnError() async throws {
        let served = try await ServedTrainer(try await TinyModel.trainer())
        let remote = try await RemoteTrainer(at: served.address, options: .init(connectTimeout: .seconds(4)))
        _ = try await remote.forwardBackward(TinyModel.batch)
        await served.stop()
        // A call that crosses the server's end is noticed by the connection's own signs of life, after 15 seconds.
        await expectCode(.connectionLost) { _ = try await remote.optimStep() }
    }

    @Test func aServerThatWasStartedAnewIsNoticedAndLoadGoesOn() async throws {
        try await withTemporaryDirectory { directory in
            let first = try await ServedTrainer(try await TinyModel.trainer(directory), checkpoints: directory)
            let remote = try await RemoteTrainer(at: first.address)
            _ = try await remote.forwardBackward(TinyModel.batch)
            _ = try await remote.optimStep()
            let saved = try await remote.save()
            await first.stop()
            let second = try await ServedTrainer(
                try await TinyModel.trainer(directory), at: first.address, checkpoints: directory)
            await expectCode(.connectionLost) { _ = try await remote.forwardBackward(TinyModel.batch) }
            await expectCode(.connectionLost) { _ = try await remote.forwardBackward(TinyModel.batch) }
            #expect(try await remote.load(saved.path).step == 1)
            _ = try await remote.forwardBackward(TinyModel.batch)
            #expect(try await remote.optimStep().step == 2)
            await second.stop()
        }
    }

    @Test func aRequestThatComesTwiceIsCarriedOutOnce() async throws {
        let trainer = SlowTrainer(.milliseconds(50))
        let served = try await ServedTrainer(trainer)
        try await withStub(served.address) { stub in
            let request = Swage_V1_OptimStepRequest.with { $0.requestID = "the same" }
            async let first = stub.optimStep(request)
            async let second = stub.optimStep(request)
            let responses = [try await first, try await second, try await stub.optimStep(request)]
            #expect(Set(responses.map(\.step)) == [1])
            #expect(trainer.counts.begun == 1)
        }
        await served.stop()
    }

    @Test func aStepWhoseConnectionIsCutIsTakenOnce() async throws {
        let trainer = SlowTrainer(.milliseconds(400))
        let served = try await ServedTrainer(trainer)
        let path = try #require(served.address.socketPath)
        let wire = try CuttableSocket(to: path)
        let remote = try await RemoteTrainer(at: TrainerAddress("unix:" + wire.path), options: .init(connectTimeout: .seconds(5)))
        let step = Task { try await remote.optimStep() }
        try await waitUntil("the call reaches the engine") { trainer.counts.begun > 0 }
        wire.cut()
        #expect(try await step.value.step == 1)
        // The server may have ended the first attempt with its connection, but then it has not happened.
        let counts = trainer.counts
        #expect(counts.ended == 1 && counts.begun == 1 + counts.cancelled, "\(counts)")

        let second = Task { try await remote.optimStep() }
        try await waitUntil("the second call reaches the engine") { trainer.counts.begun > counts.begun }
        wire.close()
        await expectCode(.connectionLost) { _ = try await second.value }
        await served.stop()
    }

    @Test func aClientOfAnotherVersionIsRefused() async throws {
        let served = try await ServedTrainer(SlowTrainer(.zero))
        try await withStub(served.address) { stub in
            let error = await #expect(throws: RPCError.self) { _ = try await stub.connect(.with { $0.versions = [7] }) }
            #expect(error?.message.contains("[7]") == true, "\(String(describing: error))")
        }
        await served.stop()
    }

    @Test func onlyTheRightTokenIsLetIn() async throws {
        let served = try await ServedTrainer(SlowTrainer(.zero), token: "open sesame")
        for token in [nil, "", "open sesam", "open sesame!"] {
            await expectCode(.unauthenticated) {
                _ = try await RemoteTrainer(at: served.address, options: .init(token: token))
            }
        }
        _ = try await RemoteTrainer(at: served.address, options: .init(token: "open sesame")).status()
        await served.stop()
    }

    @Test func overTLSOnlyTheRightCertificateIsTrusted() async throws {
        try await withTemporaryDirectory { directory in
            let (mine, other) = (try Self.certificate(directory, "mine"), try Self.certificate(directory, "other"))
            let served = try await ServedTrainer(
                SlowTrainer(.zero), at: TrainerAddress("127.0.0.1:0"), token: "open sesame", identity: mine)
            let trusted = RemoteTrainer.Options(token: "open sesame", trustRoots: mine.certificateChain)
            #expect(try await RemoteTrainer(at: served.address, options: trusted).forwardBackward(TinyModel.batch).loss == 1)
            for options in [
                RemoteTrainer.Options(token: "open sesame", trustRoots: other.certificateChain, connectTimeout: .seconds(1)),
                RemoteTrainer.Options(token: "open sesame", connectTimeout: .seconds(1)),
            ] {
                await expectCode(.connectionLost) { _ = try await RemoteTrainer(at: served.address, options: options) }
            }
            await expectCode(.unauthenticated) {
                _ = try await RemoteTrainer(at: served.address, options: .init(token: "wrong", trustRoots: mine.certificateChain))
            }
            await served.stop()
        }
    }

    /// A certificate that vouches for itself, of 127.0.0.1.
    private static func certificate(_ directory: String, _ name: String) throws -> TrainerServer.Identity {
        let (certificate, key) = ("\(directory)/\(name).pem", "\(directory)/\(name).key")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=\(name)", "-addext",
            "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", key, "-out", certificate,
        ]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return TrainerServer.Identity(certificateChain: certificate, privateKey: key)
    }

    @Test func anOpenDoorIsRefused() async throws {
        let everywhere = try TrainerAddress("0.0.0.0:0")
        #expect(throws: TrainerError.self) { try TrainerServer(SlowTrainer(.zero), at: everywhere) }
        #expect(throws: TrainerError.self) { try TrainerServer(SlowTrainer(.zero), at: everywhere, token: "t") }
        await expectCode(.invalidOption) { _ = try await RemoteTrainer(at: TrainerAddress("example.org:1")) }
    }

    @Test(arguments: ["", "localhost", "localhost:", "localhost:x", ":5", "::1:5", "host:70000", "unix:relative"])
    func whatIsNoAddressIsAnError(_ text: String) {
        #expect(throws: TrainerError.self) { try TrainerAddress(text) }
    }

    @Test func aMessageOfAGigabyteIsRefusedAndTheNextOneServed() async throws {
        let trainer = SlowTrainer(.zero)
        try await withServed(trainer) { remote in
            var batch = TinyModel.batch
            batch.lossInputs["teacher"] = Tensor(repeating: 0, shape: [1 << 28])
            await expectCode(.tooLarge) { [batch] in _ = try await remote.forwardBackward(batch) }
            _ = try await remote.forwardBackward(TinyModel.batch)
        }
        #expect(trainer.counts.begun == 1)
    }

    @Test func garbageBytesLeaveTheServerServing() async throws {
        let served = try await ServedTrainer(try await TinyModel.trainer())
        let path = try #require(served.address.socketPath)
        for seed in 0..<8 {
            var random = RandomNumbers(seed: UInt64(seed))
            let bytes = random.floats(300).withUnsafeBytes { Array($0) }
            try sendRaw((seed % 2 == 0 ? Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) : []) + bytes, to: path)
        }
        let remote = try await RemoteTrainer(at: served.address)
        _ = try await remote.forwardBackward(TinyModel.batch)
        await served.stop()
    }

    private func withStub(
        _ address: TrainerAddress,
        _ body: (Swage_V1_TrainerService.Client<HTTP2ClientTransport.Posix>) async throws -> Void
    ) async throws {
        let path = try #require(address.socketPath)
        try await withGRPCClient(
            transport: .http2NIOPosix(target: .unixDomainSocket(path: path), transportSecurity: .plaintext)
        ) { try await body(Swage_V1_TrainerService.Client(wrapping: $0)) }
    }

    private func sendRaw(_ bytes: [UInt8], to path: String) throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(connected == 0)
        _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }
}

extension TrainerAddress {
    fileprivate var socketPath: String? { if case .socket(let path) = kind { path } else { nil } }
}
#endif
