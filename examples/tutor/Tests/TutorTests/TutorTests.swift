import Foundation
import Swage
import Testing
import Tutor

@Suite struct TutorTests {
    private static let model = URL(filePath: #filePath).appending(path: "../../../../../Tests/Golden/decoders/qwen2").standardizedFileURL
    private static let chats = ["hello", "good bye"].map { word in
        [ChatMessage(role: "user", content: word), ChatMessage(role: "assistant", content: "\(word), and thanks")]
    }

    private func withFolder(_ body: (URL) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "tutor-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder)
    }

    @Test func itLearnsAndAnswers() async throws {
        try await withFolder { folder in
            let tutor = try await Tutor(model: Self.model, checkpoints: folder, chatTemplate: "chatml")
            var losses: [Double] = []
            for _ in 1...10 { losses.append(try await tutor.learn(Self.chats)) }
            #expect(losses.last! < losses.first!, "\(losses)")
            var answer = ""
            for try await piece in try tutor.answer("hello", options: .greedy(maxTokens: 8)) { answer += piece }
            #expect(!answer.isEmpty)
        }
    }

    @Test func aStudyEndsWithAModel() async throws {
        try await withFolder { folder in
            let tutor = try await Tutor(model: Self.model, checkpoints: folder.appending(path: "run/checkpoints"), chatTemplate: "chatml")
            guard case .finished(let report) = try await tutor.study(Self.chats, steps: 3, in: folder.appending(path: "run")) else {
                Issue.record("the study did not finish")
                return
            }
            #expect(FileManager.default.fileExists(atPath: report.end.exported + "/model.safetensors"))
        }
    }

    #if canImport(SwageRemote)
    @Test func nobodyAtAnAddressIsAnErrorInWords() async throws {
        let error = await #expect(throws: TrainerError.self) { _ = try await Tutor(address: "unix:/nowhere/trainer") }
        #expect(error?.code == .connectionLost, "\(String(describing: error))")
    }
    #endif
}
