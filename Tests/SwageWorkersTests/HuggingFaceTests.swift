#if Engines
import Foundation
import Swage
import SwageConformance
import SwageNative
import SwageWorkers
import TestEngines
import TestSupport
import Testing

extension WorkerTests {
    /// Where the engine is installed (`swage setup huggingface`), it is held to the native one.
    @Suite(.serialized, .enabled(if: WorkerEnvironment("huggingface").isInstalled)) struct HuggingFaceTests {
        static let optimizer = OptimizerOptions(
            learningRate: 3e-3, epsilon: 1e-5, weightDecay: 0.1,
            schedule: LearningRateSchedule(.cosine, warmupSteps: 2, totalSteps: 20))

        private static func worker(_ model: String = "llama", _ directory: String = "default") async throws -> HuggingFaceTrainer {
            try await HuggingFaceTrainer(
                model: Golden.decoder(model), optimizer: optimizer, checkpointDirectory: directory)
        }

        private static func native(_ model: String = "llama", _ directory: String = "default") async throws -> NativeTrainer {
            try await NativeTrainer(
                model: Golden.decoder(model), optimizer: optimizer, checkpointDirectory: directory, threads: 1)
        }

        @Test func stockLossesGiveTheSameStepsAsOnTheNativeEngine() async throws {
            let losses: [LossFunction] = [
                .crossEntropy, .linearCrossEntropy, .crossEntropy(smoothing: 0.1, zLoss: 0.01), .reinforce, .ppo(), .cispo(),
                .importanceSampling,
            ]
            let (worker, native) = (try await Self.worker(), try await Self.native())
            var random = RandomNumbers(seed: 3)
            for loss in losses {
                let shape = [2, 9]
                let batch = TextTrainBatch(
                    inputIDs: try Tensor(random.tokens(18, below: 300), shape: shape),
                    targetIDs: try Tensor(random.tokens(18, below: 300), shape: shape),
                    targetWeights: try Tensor(random.floats(18), shape: shape),
                    lossInputs: ["samplerLogProbs": try Tensor(random.floats(18).map { -5 - $0.magnitude }, shape: shape)])
                let results = [
                    try await worker.forwardBackward(batch, loss: loss), try await native.forwardBackward(batch, loss: loss),
                ]
                #expect(abs(results[0].loss - results[1].loss) < 1e-4 * max(1, abs(results[1].loss)), "\(loss.name): \(results)")
                let steps = [try await worker.optimStep(), try await native.optimStep()]
                #expect(
                    abs(steps[0].gradientNorm - steps[1].gradientNorm) < 1e-4 * max(1, steps[1].gradientNorm),
                    "\(loss.name): \(steps)")
            }
        }

        @Test func whatIsNotFiniteSaysItsOperationInTheWordsOfTheNativeEngine() async throws {
            let losses = [
                LossFunction("masked") { outputs, batch in .mean(of: log(outputs.entropy), over: batch.targetMask) },
                LossFunction("negative") { outputs, batch in .mean(of: 2 * log(outputs.logProbs - 1) + 1, over: batch.targetMask) },
                LossFunction("nothing") { outputs, batch in LossValue(sum: outputs.logProbs.sum(), denominator: batch.targetMask.sum() * 0) },
            ]
            var batch = TinyModel.batch
            batch.targetMask = try Tensor([1, 0, 1, 1, 1, 1] + [Float](repeating: 1, count: 6), shape: [2, 6])
            let (worker, native) = (try await Self.worker(), try await Self.native())
            for loss in losses {
                var origins: [String?] = []
                for trainer in [worker, native] as [any Trainer] {
                    let error = await #expect(throws: TrainerError.self) { _ = try await trainer.forwardBackward(batch, loss: loss) }
                    #expect(error?.code == .nonFinite)
                    origins.append(error?.message.components(separatedBy: ": ").dropFirst().joined(separator: ": "))
                }
                #expect(origins[0] == origins[1], "\(loss.name): \(origins)")
            }
        }

        @Test func theVectorsOfLossProgramsComeOutOnTorchAsWell() throws {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: WorkerEnvironment("huggingface").python)
            process.arguments = ["-B", Golden.root + "/check_loss_vectors.py"]
            process.environment = ProcessInfo.processInfo.environment.merging(
                ["PYTHONPATH": Golden.repository + "/python"]) { $1 }
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == 0, "\(text)")
        }

        @Test func anArchitectureThatNoOtherEngineKnowsKeepsThePromises() async throws {
            try await withTemporaryDirectory { directory in
                let model = directory + "/gpt2"
                let process = Process()
                process.executableURL = URL(fileURLWithPath: WorkerEnvironment("huggingface").python)
                process.arguments = [
                    "-c",
                    """
                    import sys, torch, transformers
                    torch.manual_seed(0)
                    config = transformers.GPT2Config(vocab_size=300, n_positions=128, n_embd=24, n_layer=2, n_head=4)
                    transformers.GPT2LMHeadModel(config).save_pretrained(sys.argv[1])
                    """, model,
                ]
                process.standardError = FileHandle.nullDevice
                process.standardOutput = FileHandle.nullDevice
                try process.run()
                process.waitUntilExit()
                try await Self.expectPromises(model, directory, .init())
            }
        }

        /// A model of the tests with one line of its configuration changed.
        private static func model(_ name: String, _ key: String, _ value: String, in directory: String) throws -> String {
            let path = directory + "/" + key
            try FileManager.default.copyItem(atPath: Golden.decoder(name), toPath: path)
            let config = try String(contentsOfFile: path + "/config.json", encoding: .utf8)
            let changed = config.split(separator: "\n").map { $0.contains("\"\(key)\"") ? "  \"\(key)\": \(value)," : String($0) }
            try changed.joined(separator: "\n").write(toFile: path + "/config.json", atomically: true, encoding: .utf8)
            return path
        }

        @Test func theTokenThatPadsIsLearnedFromAsAnyOther() async throws {
            try await withTemporaryDirectory { directory in
                let token = TinyModel.batch.inputIDs.scalars[1]
                let model = try Self.model("llama3_tied", "pad_token_id", "\(token)", in: directory)
                let engines: [any Trainer] = [
                    try await HuggingFaceTrainer(model: model, optimizer: Self.optimizer),
                    try await NativeTrainer(model: model, optimizer: Self.optimizer, threads: 1),
                ]
                var norms: [Double] = []
                for engine in engines {
                    _ = try await engine.forwardBackward(TinyModel.batch)
                    norms.append(try await engine.optimStep().gradientNorm)
                }
                #expect(abs(norms[0] - norms[1]) < 1e-4 * norms[1], "\(norms)")
            }
        }

        @Test func nothingIsDroppedWhereNothingIsLearned() async throws {
            try await withTemporaryDirectory { directory in
                let model = try Self.model("llama", "attention_dropout", "0.5", in: directory)
                let inputs = ForwardInputs(logProbsOf: TinyModel.batch)
                let found = try await HuggingFaceTrainer(model: model).forward(inputs).logProbs!.scalars
                let expected = try await NativeTrainer(model: Golden.decoder("llama"), threads: 1).forward(inputs).logProbs!.scalars
                #expect(relativeDifference(found, expected) < 1e-4, "\(found) and \(expected)")
            }
        }

        @Test func adaptersKeepThePromisesAndMergeIntoWhatTheyCompute() async throws {
            try await withTemporaryDirectory { directory in
                var options = HuggingFaceTrainer.Options()
                options.lora = LoRAOptions(rank: 4, alpha: 8)
                try await Self.expectPromises(TinyModel.path, directory, options)

                let trainer = try await HuggingFaceTrainer(model: TinyModel.path, optimizer: Self.optimizer, options: options)
                let first = try await trainer.forwardBackward(TinyModel.batch).loss
                for _ in 0..<5 {
                    _ = try await trainer.optimStep()
                    _ = try await trainer.forwardBackward(TinyModel.batch)
                }
                let inputs = ForwardInputs(logProbsOf: TinyModel.batch)
                let learned = try await trainer.forward(inputs).logProbs!.scalars
                #expect(-Double(learned.reduce(0, +)) / Double(learned.count) < first, "\(learned), \(first) before")
                // What is exported is a model without adapters, for every engine.
                let merged = try await trainer.save(name: "merged", path: directory, weightsOnly: true)
                let native = try await NativeTrainer(model: merged.path).forward(inputs).logProbs!.scalars
                for (native, learned) in zip(native, learned) { #expect(abs(native - learned) < 1e-4) }
            }
        }

        /// The promises of an engine that is its own reference.
        private static func expectPromises(_ model: String, _ directory: String, _ options: HuggingFaceTrainer.Options) async throws {
            func start() async throws -> HuggingFaceTrainer {
                try await HuggingFaceTrainer(
                    model: model, optimizer: optimizer, checkpointDirectory: directory + "/default", options: options)
            }
            let (trainer, reference) = (try await start(), try await start())
            let beginning = try await trainer.save(name: "beginning", path: directory).path
            let findings = await Conformance(
                .init(
                    vocabularySize: 300, workspace: directory,
                    foreignCheckpoint: try await EngineUnderTest.foreignCheckpoint(in: directory), choosesCheckpointDirectory: false,
                    makeTrainer: { _ in
                        _ = try await trainer.load(beginning)
                        return trainer
                    },
                    reference: .trainer { _ in
                        _ = try await reference.load(beginning)
                        return reference
                    }, sampler: { _ in trainer.sampler })
            ).run()
            for finding in findings { #expect(finding.failure == nil, "\(model): \(finding)") }
        }

        @Test func aGGUFFileTrainsAsOnTheNativeEngine() async throws {
            let model = Golden.decoder("llama3_tied") + "/model.gguf"
            let trainers: [any Trainer] = [
                try await HuggingFaceTrainer(model: model, optimizer: Self.optimizer),
                try await NativeTrainer(model: model, optimizer: Self.optimizer, threads: 1),
            ]
            let batch = try GoldenTensors(Golden.decoder("llama3_tied") + "/golden.safetensors").batch(0)
            var norms: [Double] = []
            for trainer in trainers {
                _ = try await trainer.forwardBackward(batch)
                norms.append(try await trainer.optimStep().gradientNorm)
            }
            #expect(abs(norms[0] - norms[1]) < 1e-4 * norms[1], "\(norms)")
        }

        /// transformers holds the experts of Mixtral joined, and the native engine's files hold them apart.
        @Test(arguments: ["llama", "mixtral"]) func eitherEngineGoesOnFromTheOthersCheckpoint(_ family: String) async throws {
            try await withTemporaryDirectory { directory in
                let batch = TextTrainBatch(
                    inputIDs: Tensor(repeating: 5, shape: [2, 6]), targetIDs: Tensor(repeating: 7, shape: [2, 6]))
                let (worker, native) = (try await Self.worker(family), try await Self.native(family))
                for (writer, reader) in [(worker as any Trainer, native as any Trainer), (native, worker)] {
                    for _ in 0..<2 {
                        _ = try await writer.forwardBackward(batch)
                        _ = try await writer.optimStep()
                    }
                    _ = try await writer.forwardBackward(batch)
                    let saved = try await writer.save(path: directory + "/exchanged")
                    _ = try await reader.load(saved.path)
                    let norms = [try await writer.optimStep().gradientNorm, try await reader.optimStep().gradientNorm]
                    #expect(abs(norms[0] - norms[1]) < 1e-4 * norms[0], "\(norms)")
                    let losses = [try await writer.forwardBackward(batch).loss, try await reader.forwardBackward(batch).loss]
                    #expect(abs(losses[0] - losses[1]) < 1e-4 * losses[0], "\(losses)")
                    for trainer in [writer, reader] { try await trainer.clearGradients() }
                }
            }
        }

        @Test func aModelThatIsNotThereIsAnErrorWithTheWorkersLastWords() async throws {
            await #expect(throws: TrainerError.self) { _ = try await HuggingFaceTrainer(model: "/no/such/model") }
        }

        @Test func noWorkerOutlivesItsTrainer() async throws {
            var worker: HuggingFaceTrainer? = try await Self.worker()
            let identifier = await worker!.worker.processIdentifier
            #expect(kill(identifier, 0) == 0)
            worker = nil
            try await waitUntil("the worker \(identifier) ends", within: .seconds(20)) { kill(identifier, 0) != 0 }
        }
    }
}
#endif
