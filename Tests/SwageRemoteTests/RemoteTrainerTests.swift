#if Engines
import Foundation
import Swage
import SwageConformance
import SwageFiles
import SwageNative
import SwageRemote
import SwageText
import Synchronization
import TestEngines
import TestSupport
import Testing

@Suite(.serialized) struct RemoteTrainerTests {
    @Test func aServedTrainerKeepsEveryInvariant() async throws {
        try await withTemporaryDirectory { workspace in
            let foreign = try await NativeTrainer(model: Golden.decoder("qwen2"))
                .save(name: nil, path: workspace + "/foreign", weightsOnly: false)
            let servers = Mutex<[ServedTrainer]>([])
            let findings = await Conformance(
                .init(
                    vocabularySize: 300, workspace: workspace, isBitExact: true, foreignCheckpoint: foreign.path,
                    makeTrainer: { directory in
                        let trainer = try await TinyModel.trainer(directory)
                        let served = try await ServedTrainer(trainer, sampler: trainer.sampler, checkpoints: workspace)
                        servers.withLock { $0.append(served) }
                        return try await RemoteTrainer(at: served.address)
                    },
                    reference: .trainer { try await TinyModel.trainer($0) }, sampler: { ($0 as? RemoteTrainer)?.sampler })
            ).run()
            #expect(findings.count == Conformance.Invariant.allCases.count)
            for finding in findings { #expect(finding.failure == nil, "\(finding)") }
            for server in servers.withLock({ $0 }) { await server.stop() }
        }
    }

    @Test func everythingATrainerSaysArrives() async throws {
        let trainer = SlowTrainer(.zero)
        try await withTemporaryDirectory { folder in
            try await withServed(trainer, checkpoints: folder) { remote in
                let (config, theirs) = (try await trainer.config(), try await remote.config())
                #expect(theirs == config)
                let (result, arrived) = (try await trainer.forwardBackward(TinyModel.batch, loss: nil), try await remote.forwardBackward(TinyModel.batch))
                #expect(arrived == result)
                #expect(try await remote.save(name: "a", path: nil, weightsOnly: true).path == "/a, no path, true")
                #expect(try await remote.save(name: nil, path: "b", weightsOnly: false).path == "/no name, \(folder)/b, false")
                #expect(try await remote.load(nil) == LoadedCheckpoint(path: "/newest", step: 4, weightsOnly: true))
                let step = try await remote.optimStep()
                #expect(step.learningRate == 0.5 && step.gradientNorm == 3 && step.accumulatedMicrobatches == 1)
                await #expect(throws: TrainerError(.unsupported, "it has none")) { _ = try await remote.tokenizer() }
            }
        }
    }

    @Test func checkpointsGoToTheCallersPlaceIfItNamesOne() async throws {
        try await withTemporaryDirectory { directory in
            let place = directory + "/mine"
            try await withServed(
                try await TinyModel.trainer(directory + "/its"), checkpoints: directory,
                options: .init(checkpointDirectory: place, keptCheckpoints: 2)
            ) { remote in
                await #expect(throws: TrainerError.self) { _ = try await remote.load() }
                for _ in 0..<12 {
                    _ = try await remote.forwardBackward(TinyModel.batch)
                    _ = try await remote.optimStep()
                    _ = try await remote.save()
                }
                let weights = try await remote.save(name: nil, path: nil, weightsOnly: true)
                #expect(weights.path == place + "/weights-step-12")
                let names = try FileManager.default.contentsOfDirectory(atPath: place).sorted()
                #expect(names == ["step-11", "step-12", "weights-step-12"])
                _ = try await remote.forwardBackward(TinyModel.batch)
                let loaded = try await remote.load()
                #expect(loaded == LoadedCheckpoint(path: place + "/step-12", step: 12, weightsOnly: false))
            }
        }
    }

    @Test func outputsOfManyPiecesArriveWhole() async throws {
        let trainer = try await TinyModel.trainer()
        // 300 logits of 4 bytes for 3,000 positions: more than three pieces.
        let inputs = ForwardInputs(
            inputIDs: try Tensor((0..<3000).map { Int32($0 % 300) }, shape: [10, 300]),
            targetIDs: Tensor(repeating: 1, shape: [10, 300]), outputs: Set(ModelOutput.allCases))
        let expected = try await trainer.forward(inputs)
        let found = try await withServed(trainer) { try await $0.forward(inputs) }
        #expect(found == expected)
    }

    @Test func theTokenizerIsTheSameOnBothSides() async throws {
        let trainer = try await NativeTrainer(model: Golden.decoder("llama") + "/model.gguf")
        let own = try await trainer.tokenizer()
        try await withServed(trainer) { remote in
            let theirs = try await remote.tokenizer()
            let text = "It’s 12 o'clock — déjà vu, 東京!"
            let (found, expected) = (
                try theirs.encode(text, addSpecialTokens: true), try own.encode(text, addSpecialTokens: true)
            )
            #expect(found == expected)
            #expect(theirs.endOfSequenceIDs == own.endOfSequenceIDs)
        }
    }

    /// Those of Llama 3 and of Qwen are larger than the 4 MiB that gRPC gives to a message if nothing is said.
    @Test func aTokenizerOfManyMegabytesArrives() async throws {
        let small = try String(contentsOfFile: Golden.decoder("llama") + "/tokenizer.json", encoding: .utf8)
        let words = (290..<150_290).map { #""a word of many letters \#($0)": \#($0), "# }.joined()
        let large = small.replacing(/"vocab": *\{/, with: #""vocab": {"# + words)
            .replacing(/"id": *(29[01]),/) { #""id": 150\#($0.1),"# }
        try #require(large.utf8.count > 5 << 20)
        let tokenizer = try TextTokenizer(files: ["tokenizer.json": Data(large.utf8)], from: "the test")
        try await withServed(SlowTrainer(.zero, tokenizer: tokenizer)) { remote in
            let found = try await remote.tokenizer().vocabularySize
            #expect(found == tokenizer.vocabularySize)
        }
    }

    /// A tokenizer of somebody's own, with a format of chats that no template says.
    private struct Letters: Tokenizer {
        let vocabularySize = 257
        let endOfSequenceIDs: [Int32] = [256]

        func encode(_ text: String, addSpecialTokens: Bool) -> [Int32] { text.utf8.map { Int32($0) } + (addSpecialTokens ? [256] : []) }
        func decode(_ ids: [Int32], skipSpecialTokens: Bool) -> String {
            String(decoding: ids.compactMap { UInt8(exactly: $0) }, as: UTF8.self) + (!skipSpecialTokens && ids.contains(256) ? "." : "")
        }
        func bytes(of id: Int32) -> [UInt8] { UInt8(exactly: id).map { [$0] } ?? [] }
        func encode(chat: Chat, addGenerationPrompt: Bool) throws -> TargetedTokens {
            guard chat.messages.allSatisfy({ $0.role != "system" }) else { throw TrainerError(.invalidData, "there is a system message") }
            let parts = chat.messages.map { (encode("\($0.role): \($0.content) \($0.reasoningContent ?? "-")", addSpecialTokens: true), $0.weight != 0) }
            return TargetedTokens(ids: parts.flatMap(\.0), isTarget: parts.flatMap { ids, isTarget in ids.map { _ in isTarget } })
        }
        func encode(prompt: String, completion: String) -> TargetedTokens {
            TargetedTokens(ids: encode(prompt + completion, addSpecialTokens: false), isTarget: (prompt + completion).utf8.map { _ in true })
        }
    }

    @Test func aTokenizerOfSomebodysOwnIsServed() async throws {
        let own = Letters()
        try await withServed(SlowTrainer(.zero, tokenizer: own)) { remote in
            let theirs = try await remote.tokenizer()
            #expect(theirs.vocabularySize == 257 && theirs.endOfSequenceIDs == [256])
            let chat = [ChatMessage(role: "user", content: "é", weight: 0), ChatMessage(role: "assistant", content: "b", reasoningContent: "c")]
            @Sendable func compare() {
                #expect(throws: Never.self) {
                    let ids = try theirs.encode("déjà", addSpecialTokens: true)
                    #expect(ids == own.encode("déjà", addSpecialTokens: true))
                    let pairs = [
                        (try theirs.encode(chat: chat, addGenerationPrompt: false), try own.encode(chat: chat, addGenerationPrompt: false)),
                        (try theirs.encode(prompt: "a ", completion: "b"), own.encode(prompt: "a ", completion: "b")),
                    ]
                    for (found, expected) in pairs { #expect(found == expected) }
                    let text = try theirs.decode([99, 256], skipSpecialTokens: false)
                    #expect(text == "c.")
                }
                #expect(throws: TrainerError(.invalidData, "there is a system message")) {
                    try theirs.encode(chat: [ChatMessage(role: "system", content: "")], addGenerationPrompt: false)
                }
            }
            // The server's tasks are in this process as well, and need the threads that callers would hold.
            await withTaskGroup { group in
                for _ in 0..<16 {
                    group.addTask {
                        await withCheckedContinuation { done in
                            DispatchQueue.global().async {
                                compare()
                                done.resume()
                            }
                        }
                    }
                }
            }
            #expect(try theirs.bytes(of: 99) == [99])
            #expect(throws: TrainerError.self) { try theirs.bytes(of: 257) }
        }
    }

    @Test func aLossOfTheCallersRunsOnTheServer() async throws {
        let loss = LossFunction("entropy-bonus") { outputs, batch in
            .mean(of: -outputs.logProbs - 0.1 * outputs.entropy, over: batch.targetMask)
        }
        let expected = try await TinyModel.trainer().forwardBackward(TinyModel.batch, loss: loss)
        let found = try await withServed(try await TinyModel.trainer()) { try await $0.forwardBackward(TinyModel.batch, loss: loss) }
        #expect(found == expected)
    }

    @Test func errorsArriveAsTheyWereThrown() async throws {
        let trainer = try await TinyModel.trainer()
        var batch = TinyModel.batch
        batch.inputIDs = Tensor(repeating: 300, shape: [2, 6])
        func error(of trainer: any Trainer) async -> TrainerError? {
            do {
                _ = try await trainer.forwardBackward(batch)
                return nil
            } catch {
                return error as? TrainerError
            }
        }
        let thrown = await error(of: trainer)
        #expect(thrown?.code == .tokenOutOfRange)
        try await withServed(trainer) { remote in
            let arrived = await error(of: remote)
            #expect(arrived == thrown)
        }
    }

    @Test func twoClientsShareOneTrainer() async throws {
        let served = try await ServedTrainer(try await TinyModel.trainer())
        let clients = [try await RemoteTrainer(at: served.address), try await RemoteTrainer(at: served.address)]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in clients + clients { group.addTask { _ = try await client.forwardBackward(TinyModel.batch) } }
            try await group.waitForAll()
        }
        #expect(try await clients[0].optimStep().accumulatedMicrobatches == 4)
        #expect(try await clients[1].status() == TrainerStatus(step: 1, accumulatedMicrobatches: 0))
        await served.stop()
    }
}
#endif
