#if Engines
import Foundation
import Swage
import SwageRemote
import TestEngines
import TestSupport
import Testing

/// Who is let in at a socket, and with which token.
@Suite(.serialized, .timeLimit(.minutes(30))) struct OpenDoorTests {
    @Test(arguments: ["", " ", "\n", "a\nb", "schlüssel"]) func aTokenThatIsNoneIsRefused(_ token: String) {
        let error = #expect(throws: TrainerError.self) {
            try TrainerServer(SlowTrainer(.zero), at: .socket(shortTemporaryPath()), token: token)
        }
        #expect(error?.code == .invalidOption)
    }

    @Test func onlyTheUserCanConnectToASocketAndItGoesWithItsServer() async throws {
        let before = umask(0)
        let served = try await ServedTrainer(SlowTrainer(.zero))
        umask(before)
        guard case .socket(let path) = served.address.kind else { return }
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? NSNumber == 0o600, "\(attributes)")
        await served.stop()
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func whatLiesAtASocketsPathStays() async throws {
        try await withTemporaryDirectory { folder in
            let files = FileManager.default
            try "a text".write(toFile: folder + "/text", atomically: false, encoding: .utf8)
            try files.createDirectory(atPath: folder + "/folder", withIntermediateDirectories: true)
            try files.createSymbolicLink(atPath: folder + "/link", withDestinationPath: folder + "/text")
            try files.createSymbolicLink(atPath: folder + "/nowhere", withDestinationPath: folder + "/new")
            let before = FileRules.digest(folder)
            for name in ["text", "folder", "link", "nowhere"] {
                let error = await #expect(throws: TrainerError.self) {
                    _ = try await ServedTrainer(SlowTrainer(.zero), at: .socket("\(folder)/\(name)"))
                }
                #expect(error?.code == .invalidOption && error?.message.contains("no socket") == true, "\(String(describing: error))")
            }
            #expect(FileRules.digest(folder) == before)
        }
    }

    @Test func aSocketOnWhichSomebodyListensStaysAndADeadOneIsReplaced() async throws {
        try await withTemporaryDirectory { folder in
            let address = TrainerAddress.socket(folder + "/s")
            let first = try await ServedTrainer(SlowTrainer(.zero), at: address)
            let error = await #expect(throws: TrainerError.self) { _ = try await ServedTrainer(SlowTrainer(.zero), at: address) }
            #expect(error?.message.contains("somebody serves") == true, "\(String(describing: error))")
            _ = try await RemoteTrainer(at: address).status()

            // A server that was killed leaves its socket: here, one with another name.
            #expect(link(folder + "/s", folder + "/dead") == 0)
            await first.stop()
            let second = try await ServedTrainer(SlowTrainer(.zero), at: .socket(folder + "/dead"))
            _ = try await RemoteTrainer(at: second.address).status()
            await second.stop()
        }
    }

    @Test func aPathThatIsTooLongForASocketIsAnError() async throws {
        let error = await #expect(throws: TrainerError.self) {
            _ = try await ServedTrainer(SlowTrainer(.zero), at: .socket("/tmp/" + String(repeating: "a", count: 120)))
        }
        #expect(error?.message.contains("too long") == true, "\(String(describing: error))")
    }
}
#endif
