import Foundation
import Swage
import SwageNative
import SwageRecipes
import Testing
import TestSupport

/// What a run's folder may hold, and who may use it.
@Suite(.timeLimit(.minutes(30))) struct RunFolderTests {
    private func write(_ path: String, _ text: String = "theirs") throws {
        try FileManager.default.createDirectory(
            at: URL(fileURLWithPath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    private func isThere(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    @Test(arguments: ["", " ", "\t ", "/", "//", "/.", "/..", "/../.", ".//", "./..//", "/ "])
    func anOutputThatIsNoFolderOfItsOwnIsRefused(_ path: String) async throws {
        let directory = RunDirectory(path: path)
        for attempt in [{ try directory.check(inputs: [:]) }, { try directory.clear() }, { try EvaluationDirectory(path: path).clear() }] {
            let error = #expect(throws: TrainerError.self, "\"\(path)\"") { try attempt() }
            #expect(error?.code == .invalidOption && error?.expected?.contains("runs/mine") == true, "\(String(describing: error))")
        }
        try await withTemporaryDirectory { inputs in
            let error = await #expect(throws: TrainerError.self) { try await QuickRun()(path, inputs: inputs) }
            #expect(error?.message.contains("output folder") == true, "\(String(describing: error))")
        }
    }

    @Test(arguments: [".", "./", "..", "runs/mine", "~/runs", "runs/../runs/mine", "a//b"])
    func otherOutputsAreNot(_ path: String) throws { try RunDirectory(path: path).check(inputs: [:]) }

    @Test func anOutputThatHoldsOrLiesInWhatIsReadIsRefused() async throws {
        try await withTemporaryDirectory { directory in
            let out = directory + "/out"
            for file in ["data/train.jsonl", "model/config.json", "elsewhere/train.jsonl"] { try write(directory + "/" + file) }
            try FileManager.default.createSymbolicLink(atPath: directory + "/link", withDestinationPath: directory + "/model")
            try FileManager.default.createSymbolicLink(atPath: directory + "/file", withDestinationPath: directory + "/data/train.jsonl")
            try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
            try FileManager.default.linkItem(atPath: directory + "/elsewhere/train.jsonl", toPath: out + "/metrics.jsonl")
            let cases: [(output: String, input: String, how: String)] = [
                (directory, directory + "/data/train.jsonl", "holds"), (directory, directory + "/data", "is"),
                (directory, directory + "/file", "holds"), (directory, directory + "/link", "is"),
                (directory + "/link", directory + "/model", "lies in"), (directory + "/model/new/run", directory + "/model", "lies in"),
                (out, directory + "/elsewhere/train.jsonl", "is"), (directory + "/new/..", directory + "/model/config.json", "holds"),
            ]
            for (output, input, how) in cases {
                let error = #expect(throws: TrainerError.self, "\(output) for \(input)") {
                    try RunDirectory(path: output).check(inputs: ["the data": input])
                }
                #expect(error?.message.contains(" \(how) the data \(input)") == true, "\(String(describing: error))")
            }
            try RunDirectory(path: out).check(inputs: ["the model": directory + "/model", "the data": directory + "/data"])
            try RunDirectory(path: directory).check(inputs: ["the data": directory + "/data.jsonl"])
            try EvaluationDirectory(path: directory).check(inputs: ["the data": directory + "/data/train.jsonl"])
            let error = await #expect(throws: TrainerError.self) { try await QuickRun()(directory, inputs: directory + "/data") }
            #expect(error?.message.contains("holds the data") == true, "\(String(describing: error))")
        }
    }

    @Test(arguments: ["metrics.jsonl", "report.json", "model/weights", "checkpoints/step-2/mine", "data/mine"])
    func whatOthersHaveWrittenIsNotReplaced(_ name: String) async throws {
        try await withTemporaryDirectory { directory in
            let output = directory + "/run"
            try write("\(output)/\(name)")
            let error = await #expect(throws: TrainerError.self) { try await QuickRun()(output, inputs: directory) }
            #expect(error?.message.contains("\(output)/\(name.split(separator: "/")[0]) is there") == true, "\(String(describing: error))")
            #expect(try String(contentsOfFile: "\(output)/\(name)", encoding: .utf8) == "theirs")
            #expect(!isThere(output + "/run.json"))
        }
    }

    @Test(arguments: ["theirs", #"{"name": "my own file"}"#, #"{"format": 99, "files": []}"#, #"{"format": 2, "files": ["../model"]}"#])
    func aRunJSONThatNoRunHasWrittenIsRefusedAndStays(_ text: String) async throws {
        try await withTemporaryDirectory { directory in
            let output = directory + "/run"
            try write(output + "/run.json", text)
            try write(directory + "/model")
            for attempt in [{ _ = try await QuickRun()(output, inputs: directory) }, { try RunDirectory(path: output).clear() }] {
                let error = await #expect(throws: TrainerError.self) { try await attempt() }
                #expect(error?.message.contains(output + "/run.json") == true, "\(String(describing: error))")
                #expect(error?.description.contains("Swift") == false && error?.description.contains("Decoding") == false)
            }
            #expect(try String(contentsOfFile: output + "/run.json", encoding: .utf8) == text && isThere(directory + "/model"))
        }
    }

    @Test func clearingRemovesWhatARunHasMadeAndNothingElse() async throws {
        try await withTemporaryDirectory { directory in
            let output = directory + "/run"
            _ = try await QuickRun()(output, inputs: directory)
            #expect(
                try Set(FileManager.default.contentsOfDirectory(atPath: output)) == [
                    "run.json", "metrics.jsonl", "report.json", "data", "checkpoints", "model",
                ])
            let theirs = ["notes.txt", "data/rows.jsonl", "checkpoints/best/model.safetensors"]
            for name in theirs { try write("\(output)/\(name)") }
            try write(output + "/data/step-999.json")
            let left = try RunDirectory(path: output).clear()
            #expect(
                Set(left.map { $0.dropFirst(output.count + 1) })
                    == ["data/rows.jsonl", "data/step-999.json", "checkpoints/best"], "\(left)")
            for name in theirs + ["data/step-999.json"] { #expect(isThere("\(output)/\(name)"), "\(name)") }
            for name in ["metrics.jsonl", "report.json", "data/step-4.json", "checkpoints/step-2", "model/config.json"] {
                #expect(!isThere("\(output)/\(name)"), "\(name)")
            }
            // A run can begin there, for the folders were a run's.
            guard case .finished = try await QuickRun()(output, inputs: directory) else {
                Issue.record("the run did not finish")
                return
            }
            for name in theirs { #expect(isThere("\(output)/\(name)"), "\(name)") }
        }
    }

    @Test(arguments: ["model/README.md", "checkpoints/step-4/notes"])
    func whatIsReplacedAsAWholeIsRefusedIfOthersHavePutSomethingThere(_ name: String) async throws {
        try await withTemporaryDirectory { directory in
            let output = directory + "/run"
            _ = try await QuickRun()(output, inputs: directory)
            try write("\(output)/\(name)")
            let before = try FileManager.default.subpathsOfDirectory(atPath: output).sorted()
            let error = #expect(throws: TrainerError.self) { try RunDirectory(path: output).clear() }
            #expect(error?.code == .notAllowed && error?.message.contains(name.split(separator: "/").last!) == true, "\(String(describing: error))")
            #expect(try FileManager.default.subpathsOfDirectory(atPath: output).sorted() == before)
        }
    }

    @Test func clearingAWholeRunLeavesAnEmptyFolder() async throws {
        try await withTemporaryDirectory { directory in
            let output = directory + "/run"
            try await QuickRun().interrupted(after: 3, output, inputs: directory)
            // As a process leaves it that is killed while it writes.
            for name in ["run.json.partial-123-456", "data/step-3.json.partial-1-2"] { try write("\(output)/\(name)") }
            #expect(try RunDirectory(path: output).clear().isEmpty)
            #expect(try FileManager.default.contentsOfDirectory(atPath: output).isEmpty)
            #expect(try RunDirectory(path: directory + "/none").clear().isEmpty && !isThere(directory + "/none"))
        }
    }

    @Test func ofAnEarlierVersionsRunOnlyWhatItWroteIsRemoved() async throws {
        try await withTemporaryDirectory { directory in
            let output = directory + "/run"
            _ = try await QuickRun()(output, inputs: directory)
            try write(output + "/run.json", #"{"before": {}, "settings": {"steps": "4"}}"#)
            try write(output + "/data/step-77.json", "{}")
            try write(output + "/checkpoints/step-9/mine")
            let error = await #expect(throws: TrainerError.self) { try await QuickRun()(output, inputs: directory) }
            #expect(error?.message.contains("earlier version") == true, "\(String(describing: error))")
            #expect(try RunDirectory(path: output).clear().map { $0.dropFirst(output.count + 1) } == ["checkpoints/step-9", "data/step-77.json"])
            #expect(!isThere(output + "/model") && !isThere(output + "/metrics.jsonl") && isThere(output + "/checkpoints/step-9/mine"))
        }
    }

    @Test func theListHoldsWhatIsThere() async throws {
        try await withTemporaryDirectory { directory in
            let output = directory + "/run"
            var run = QuickRun()
            (run.steps, run.saveEvery) = (9, 1)
            _ = try await run(output, inputs: directory)
            struct Record: Decodable { var files: [String] }
            let files = try JSONDecoder().decode(Record.self, from: Data(contentsOf: URL(fileURLWithPath: output + "/run.json"))).files
            let expected =
                ["metrics.jsonl", "report.json", "model", "data", "checkpoints"] + (1...9).flatMap { ["data/step-\($0).json", "checkpoints/step-\($0)"] }
            #expect(Set(files) == Set(expected) && files.count == expected.count, "\(files)")
        }
    }

    @Test func onePlaceHasOneRunAtATime() async throws {
        try await withTemporaryDirectory { directory in
            let output = directory + "/run"
            let (begun, signal) = AsyncStream.makeStream(of: Void.self)
            let (over, goOn) = AsyncStream.makeStream(of: Void.self)
            var first = QuickRun()
            first.wrapping = { trainer in
                var waiting = ChangedTrainer(trainer: trainer)
                waiting.beforePass = { _ in
                    signal.yield()
                    for await _ in over { break }
                }
                return waiting
            }
            async let outcome = first(output, inputs: directory)
            for await _ in begun { break }
            let error = await #expect(throws: TrainerError.self) { try await QuickRun()(output, inputs: directory) }
            #expect(error?.code == .folderInUse && error?.message.contains("process \(getpid()) on ") == true, "\(String(describing: error))")
            let clearing = #expect(throws: TrainerError.self) { try RunDirectory(path: output).clear() }
            #expect(clearing?.code == .folderInUse)
            // An evaluation writes other files.
            try EvaluationDirectory(path: output).begin(settings: [:])
            goOn.finish()
            guard case .finished = try await outcome else {
                Issue.record("the first run did not finish")
                return
            }
            #expect(try lossesOfRun(output).count == 4 && !isThere(output + "/run.lock"))
        }
    }

    @Test func aLockOfTheDeadIsTakenOverAndThatOfAnotherMachineIsNot() async throws {
        try await withTemporaryDirectory { directory in
            let output = directory + "/run"
            var name = [CChar](repeating: 0, count: 256)
            gethostname(&name, 255)
            let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            // The number is that of a process that lives: it was given anew.
            try write(output + "/run.lock", #"{"host": "\#(host)", "process": \#(getppid())}"#)
            try await QuickRun().interrupted(after: 2, output, inputs: directory)

            try write(output + "/run.lock", #"{"host": "far-away", "process": 12}"#)
            let error = await #expect(throws: TrainerError.self) { try await QuickRun()(output, inputs: directory) }
            #expect(
                error?.message.contains("process 12 on far-away") == true && error?.expected?.contains("remove \(output)/run.lock") == true,
                "\(String(describing: error))")
            try FileManager.default.removeItem(atPath: output + "/run.lock")
            _ = try await QuickRun()(output, inputs: directory)

            try write(output + "/run.lock")
            let foreign = #expect(throws: TrainerError.self) { try RunDirectory(path: output).clear() }
            #expect(foreign?.message.contains("no lock of Swage") == true && isThere(output + "/run.lock"))
        }
    }

    @Test func anEvaluationsFolderIsForOneAtATimeToo() async throws {
        try await withTemporaryDirectory { directory in
            let first = EvaluationDirectory(path: directory + "/out")
            try first.begin(settings: ["limit": "4"])
            let error = #expect(throws: TrainerError.self) { try EvaluationDirectory(path: directory + "/out").begin(settings: ["limit": "4"]) }
            #expect(error?.code == .folderInUse, "\(String(describing: error))")
            try first.begin(settings: ["limit": "4"])
            try first.write(result: Data("{}".utf8))
        }
        try await withTemporaryDirectory { directory in
            try write(directory + "/answers.jsonl")
            let error = #expect(throws: TrainerError.self) { try EvaluationDirectory(path: directory).begin(settings: [:]) }
            #expect(error?.message.contains("answers.jsonl is there") == true, "\(String(describing: error))")
        }
    }

    @Test func aTrainerThatHasTakenStepsBeginsNoRun() async throws {
        try await withTemporaryDirectory { directory in
            let trainer = try await NativeTrainer(model: Golden.decoder("qwen2"), chatTemplate: "chatml", threads: 1)
            let batch = TextTrainBatch(inputIDs: try Tensor(rows: [[1, 2, 3]]), targetIDs: try Tensor(rows: [[2, 3, 4]]))
            _ = try await trainer.forwardBackward(batch)
            _ = try await trainer.optimStep()
            var run = QuickRun()
            run.wrapping = { _ in trainer }
            let error = await #expect(throws: TrainerError.self) { try await run(directory + "/run", inputs: directory) }
            #expect(error?.message.contains("at step 1") == true && !isThere(directory + "/run"), "\(String(describing: error))")
        }
    }

    @Test func aModelThatIsUnusableIsNotCalledTrained() async throws {
        try await withTemporaryDirectory { directory in
            let output = directory + "/run"
            var run = QuickRun()
            run.wrapping = { trainer in
                ChangedTrainer(
                    trainer: trainer,
                    saved: { path, weightsOnly in
                        guard weightsOnly else { return }
                        let file = URL(fileURLWithPath: path + "/model.safetensors")
                        let odd = withUnsafeBytes(of: Float.nan) { Data($0) }
                        try (Data(contentsOf: file).dropLast(4) + odd).write(to: file)
                    })
            }
            let error = await #expect(throws: TrainerError.self) { try await run(output, inputs: directory) }
            #expect(error?.code == .nonFinite && error?.message.contains(output + "/model") == true, "\(String(describing: error))")
            #expect(!isThere(output + "/report.json"))
            guard case .finished = try await QuickRun()(output, inputs: directory) else {
                Issue.record("a trainer that exports rightly did not finish the run")
                return
            }
        }
    }
}
