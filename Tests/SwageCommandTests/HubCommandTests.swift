import Foundation
import Swage
import Testing
import TestSupport

@Suite struct HubCommandTests {
    private func withHub(_ body: (HubStandIn) throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let hub = try HubStandIn(in: directory)
            try hub.add("org/llama", copying: Golden.decoder("llama"))
            try body(hub)
        }
    }

    /// A file too large for one piece, the same each time.
    private static let large: Data = {
        var random = SeededGenerator(seed: 5)
        return Data((0..<3_000_000).map { _ in UInt8.random(in: 0...255, using: &random) })
    }()

    @Test func aModelOpensByItsName() async throws {
        try await withHub { hub in
            let first = try hub.run("inspect", "org/llama", "--json")
            #expect(first.status == 0, "\(first.errors)")
            let plain = try hub.run("inspect", Golden.decoder("llama"), "--json")
            #expect(first.output.contains(#""parameters""#) && plain.status == 0)
            // Once it is there, one question is left: whether the name still means the same.
            hub.forget()
            #expect(try hub.run("inspect", "org/llama").status == 0)
            #expect(hub.requests.count == 1, "\(hub.requests)")
            hub.forget()
            let offline = try hub.run("inspect", "org/llama", environment: ["HF_HUB_OFFLINE": "1"])
            #expect(offline.status == 0 && hub.requests.isEmpty, "\(offline.errors) \(hub.requests)")
            let written = try hub.run("generate", "--model", "org/llama", "--raw", "--prompt", "a", "--max-tokens", "2", "--temperature", "0")
            #expect(written.status == 0, "\(written.errors)")
        }
    }

    @Test func aPathThatExistsIsAPath() async throws {
        try await withHub { hub in
            let folder = hub.root + "/here"
            try hub.write(Data(), to: "here/org/unused")
            try FileManager.default.copyItem(atPath: Golden.decoder("qwen3"), toPath: folder + "/org/llama")
            let result = try Program.run(["inspect", "org/llama"], in: folder, environment: hub.environment())
            #expect(result.status == 0 && result.output.contains("qwen3") && hub.requests.isEmpty, "\(result.errors) \(hub.requests)")
        }
    }

    @Test func aHubThatIsGoneLeavesTheCache() async throws {
        try await withHub { hub in
            #expect(try hub.run("models", "fetch", "org/llama").status == 0)
            let gone = ["HF_ENDPOINT": "http://127.0.0.1:1"]
            let found = try hub.run("models", "fetch", "org/llama", environment: gone)
            #expect(found.status == 0 && found.errors.contains("as the cache has it"), "\(found.errors)")
            let missing = try hub.run("inspect", "org/other", environment: gone)
            #expect(missing.status == 1 && missing.errors.contains("no file or folder org/other"), "\(missing.errors)")
            #expect(missing.errors.contains("cannot be reached"), "\(missing.errors)")
        }
    }

    @Test(arguments: [
        ("org/none", "has no model org/none"), ("org/none", "no file or folder"), ("org/closed", "/org/closed"), ("org/closed", "HF_TOKEN"),
        ("org/hidden", "if it is private"), ("org/llama@v9", "no revision v9"), ("org/llama:Q4_K_M", "no GGUF file"),
        ("org/pickled", "may run whatever it holds"), ("org/files", "org/files:m-Q8_0.gguf"), ("org/files:Q2", "org/files:m-Q4_0.gguf"),
    ])
    func whatCannotBeFetchedIsSaidInWords(_ name: String, _ words: String) async throws {
        try await withHub { hub in
            try hub.write(Data("{}".utf8), to: "org/closed/config.json")
            try hub.write(Data("{}".utf8), to: "org/hidden/config.json")
            try hub.write(Data("{}".utf8), to: "org/pickled/config.json")
            try hub.write(Data("p".utf8), to: "org/pickled/pytorch_model.bin")
            for file in ["m-Q4_0.gguf", "m-Q8_0.gguf"] { try hub.write(Data("g".utf8), to: "org/files/\(file)") }
            try hub.misbehave(#"{"gated": ["org/closed"], "private": ["org/hidden"]}"#)
            let result = try hub.run("inspect", name)
            #expect(result.status == 1 && result.errors.contains(words), "\(result.status): \(result.errors)")
            #expect(!hub.requests.contains { $0.contains(".bin") }, "\(hub.requests)")
        }
    }

    @Test func aTokenOpensWhatIsGatedAndGoesToNoStranger() async throws {
        try await withHub { hub in
            try hub.misbehave(#"{"gated": ["org/llama"], "token": "hf_good"}"#)
            let wrong = try hub.run("models", "fetch", "org/llama", environment: ["HF_TOKEN": "hf_bad"])
            #expect(wrong.status == 1 && wrong.errors.contains("does not know the token"), "\(wrong.errors)")
            let right = try hub.run("models", "fetch", "org/llama", environment: ["HF_TOKEN": "hf_good"])
            #expect(right.status == 0, "\(right.errors)")
            #expect(hub.requests.contains { $0.hasPrefix("STORE GET") } && !hub.requests.contains { $0.hasPrefix("STORE") && $0.contains("hf_") })
        }
    }

    @Test(arguments: [
        #"{"busy": 2}"#, #"{"failing": 1}"#, #"{"cut": 1000000}"#, #"{"cut": 1000000, "noRange": true, "cuts": 2}"#, #"{"pageSize": 2}"#,
    ])
    func aHubThatFailsForAWhileIsHeardOut(_ faults: String) async throws {
        try await withHub { hub in
            try hub.write(Self.large, to: "org/large/m.gguf")
            try hub.misbehave(faults)
            let result = try hub.run("models", "fetch", "org/large")
            #expect(result.status == 0, "\(result.errors)")
            let path = result.output.trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(FileManager.default.contents(atPath: path) == Self.large, "\(faults)")
        }
    }

    @Test func aFetchThatWasCutGoesOnWhereItWas() async throws {
        try await withHub { hub in
            try hub.write(Self.large, to: "org/large/m.gguf")
            try hub.misbehave(#"{"slow": 0.05}"#)
            let process = Program.process(["models", "fetch", "org/large"])
            process.environment = ProcessInfo.processInfo.environment.merging(hub.environment()) { $1 }
            (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
            try process.run()
            let blobs = hub.cache + "/models--org--large/blobs"
            func part() -> Int {
                let name = (try? FileManager.default.contentsOfDirectory(atPath: blobs))?.first { $0.hasSuffix(".incomplete") }
                let size = name.flatMap { try? FileManager.default.attributesOfItem(atPath: "\(blobs)/\($0)")[.size] as? Int }
                return size ?? 0
            }
            let patience = ContinuousClock.now + .seconds(60)
            while part() < 500_000, .now < patience { usleep(10_000) }
            process.interrupt()
            process.waitUntilExit()
            #expect(process.terminationStatus == 130)
            let kept = part()
            #expect(kept >= 500_000 && kept < Self.large.count, "\(kept)")
            try hub.misbehave("{}")
            hub.forget()
            let result = try hub.run("models", "fetch", "org/large")
            #expect(result.status == 0, "\(result.errors)")
            #expect(hub.requests.contains { $0.contains("STORE GET") && $0.contains("bytes=\(kept)-") }, "\(kept): \(hub.requests)")
            let path = result.output.trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(FileManager.default.contents(atPath: path) == Self.large)
        }
    }

    @Test func whatAnotherFetchHasLeftIsLookedAt() async throws {
        try await withHub { hub in
            try hub.write(Self.large, to: "org/large/m.gguf")
            let path = try hub.run("models", "fetch", "org/large").output.trimmingCharacters(in: .whitespacesAndNewlines)
            let blob = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
            for junk in [Data(repeating: 0, count: 1000), Data(repeating: 0, count: Self.large.count), Data(count: Self.large.count + 1)] {
                try FileManager.default.removeItem(atPath: path)
                try FileManager.default.removeItem(atPath: blob)
                try junk.write(to: URL(fileURLWithPath: blob + ".incomplete"))
                let result = try hub.run("models", "fetch", "org/large")
                #expect(result.status == 0, "\(junk.count) bytes: \(result.errors)")
                #expect(FileManager.default.contents(atPath: path) == Self.large, "\(junk.count) bytes")
            }
        }
    }

    @Test func aDatasetIsReadByItsName() async throws {
        try await withHub { hub in
            for name in ["train-1.jsonl", "train-2.jsonl", "test.jsonl", "README.md"] {
                let row = #"{"prompt": "\#(name)", "completion": "b"}"# + "\n"
                try hub.write(Data(row.utf8), to: "datasets/org/rows/\(name)")
            }
            func count(_ data: String) throws -> Int {
                let result = try hub.run("data", "show", data, "--model", "org/llama", "--json", "--limit", "9")
                #expect(result.status == 0, "\(result.errors)")
                return result.output.split(separator: "\n").count - 1
            }
            #expect(try count("org/rows") == 2 && count("org/rows:test") == 1 && count("org/rows:test*3") == 3)
            let missing = try hub.run("data", "show", "org/rows:validation", "--model", "org/llama")
            #expect(missing.status == 1 && missing.errors.contains("org/rows:test"), "\(missing.errors)")
            try hub.write(Data("PAR1".utf8), to: "datasets/org/columns/data/train-00000-of-00001.parquet")
            let parquet = try hub.run("data", "show", "org/columns", "--model", "org/llama")
            #expect(parquet.status == 1 && parquet.errors.contains("swage data import org/columns:train"), "\(parquet.errors)")
        }
    }

    @Test(arguments: ["config.json", "model.safetensors"])
    func aWrongContentIsRefusedAndNotKept(_ file: String) async throws {
        try await withHub { hub in
            try hub.misbehave(#"{"wrong": ["\#(file)"]}"#)
            let wrong = try hub.run("models", "fetch", "org/llama")
            #expect(wrong.status == 1 && wrong.errors.contains(file) && wrong.errors.contains("SHA"), "\(wrong.errors)")
            try hub.misbehave("{}")
            let right = try hub.run("inspect", "org/llama")
            #expect(right.status == 0, "\(right.errors)")
        }
    }

    @Test(arguments: ["../../escaped", "/dev/null/escaped", "a/../../b", "..\\\\x"])
    func aFileThatLeadsOutOfTheCacheIsRefused(_ path: String) async throws {
        try await withHub { hub in
            try hub.misbehave(#"{"escape": "\#(path)"}"#)
            let result = try hub.run("models", "fetch", "org/llama")
            #expect(result.status == 1 && result.errors.contains("elsewhere"), "\(result.errors)")
        }
    }

    @Test func modelsAreListedAndRemoved() async throws {
        try await withHub { hub in
            try hub.add("org/qwen", copying: Golden.decoder("qwen3"))
            #expect(try hub.run("models", "fetch", "org/llama", "org/qwen").status == 0)
            let listed = try hub.run("models", "list")
            #expect(listed.status == 0 && listed.output.split(separator: "\n").count == 2, "\(listed.output)")
            let asked = try hub.run("models", "remove", "org/llama")
            #expect(asked.status == 0 && asked.errors.contains("--yes"), "\(asked.errors)")
            #expect(try hub.run("models", "list").output == listed.output)
            #expect(try hub.run("models", "remove", "org/llama", "--yes").status == 0)
            #expect(try hub.run("models", "list").output.hasPrefix("org/qwen"))
            #expect(try hub.run("models", "remove", "org/llama", "--yes").status == 1)
            #expect(try FileManager.default.contentsOfDirectory(atPath: hub.cache).sorted() == [".locks", "CACHEDIR.TAG", "models--org--qwen"])
        }
    }

    /// huggingface_hub itself, in the environment of the engine that has it.
    private static let python: String? = {
        let home = ProcessInfo.processInfo.environment["SWAGE_HOME"] ?? NSHomeDirectory() + "/.swage"
        let path = home + "/environments/huggingface/bin/python"
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }()

    @Test(.enabled(if: python != nil)) func theCacheIsThatOfHuggingFaceHubByteForByte() async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(Self.python))
        process.arguments = ["-B", HubStandIn.folder + "/compare.py", Program.path, "20"]
        let result = try Program.run(process)
        #expect(result.status == 0, "\(result.output)\n\(result.errors)")
    }
}
