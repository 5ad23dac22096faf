import Foundation
import Swage

/// What no engine may do with files, tried on one that has the tiny model. Each check returns what was found wrong.
package struct FileRules: Sendable {
    /// Its default place of checkpoints is `default` in the folder.
    let trainer: any Trainer
    let folder: String

    package init(_ trainer: any Trainer, in folder: String) { (self.trainer, self.folder) = (trainer, folder) }

    private var files: FileManager { .default }

    /// What somebody else has put where a checkpoint should go, and how it must not be lost.
    package func checkThatNothingForeignIsReplaced() async throws -> [String] {
        var problems: [String] = []
        func refused(_ what: String, naming word: String) async {
            let before = Self.digest(folder)
            do {
                let saved = try await trainer.save(name: nil, path: folder + "/" + what, weightsOnly: true)
                problems.append("\(what) was replaced: \(saved.path)")
            } catch let error as TrainerError {
                if error.code != .notAllowed || !error.message.contains(word) { problems.append("\(what): \(error)") }
            } catch {
                problems.append("\(what): \(error)")
            }
            if Self.digest(folder) != before { problems.append("\(what) has changed") }
        }
        for name in ["photos/2024", "empty", "liar"] {
            try files.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        }
        try "a photo".write(toFile: folder + "/photos/2024/a.jpg", atomically: false, encoding: .utf8)
        try "a text".write(toFile: folder + "/file", atomically: false, encoding: .utf8)
        try #"{"format": 1, "note": "of another program"}"#.write(
            toFile: folder + "/liar/checkpoint.json", atomically: false, encoding: .utf8)
        try files.createSymbolicLink(atPath: folder + "/link", withDestinationPath: folder + "/photos")
        try files.createSymbolicLink(atPath: folder + "/nowhere", withDestinationPath: folder + "/not-there")
        await refused("photos", naming: "checkpoint.json")
        await refused("file", naming: "no folder")
        await refused("link", naming: "no folder")
        await refused("nowhere", naming: "no folder")
        await refused("liar", naming: "checkpoint.json")

        _ = try await trainer.save(name: nil, path: folder + "/empty", weightsOnly: true)
        // A second time it is its own, and a third time it has something of somebody's in it.
        _ = try await trainer.save(name: nil, path: folder + "/empty", weightsOnly: true)
        try "mine".write(toFile: folder + "/empty/notes.txt", atomically: false, encoding: .utf8)
        await refused("empty", naming: "notes.txt")
        return problems
    }

    /// What a crashed writer may have left, and what only looks like that.
    package func checkThatOnlyMarkedLeftoversAreRemoved() async throws -> [String] {
        let place = folder + "/default"
        var host = [CChar](repeating: 0, count: 256)
        gethostname(&host, host.count - 1)
        // No process has the largest number there can be.
        let dead = Int32.max
        let foreign = "\(place)/.x.partial-\(dead)-2", left = "\(place)/.step-9.partial-\(dead)-1"
        for path in [foreign, left] {
            try files.createDirectory(atPath: path, withIntermediateDirectories: true)
            try "content".write(toFile: path + "/config.json", atomically: false, encoding: .utf8)
        }
        let empty = "\(place)/.step-8.partial-\(dead)-3"
        try files.createDirectory(atPath: empty, withIntermediateDirectories: true)
        let name = String(decoding: host.prefix { $0 != 0 }.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
        let mark = try JSONSerialization.data(withJSONObject: ["swage": "partial", "host": name, "process": Int(dead)])
        try mark.write(to: URL(fileURLWithPath: left + "/.swage-partial"))
        _ = try await trainer.save(name: "one", path: nil, weightsOnly: true)
        var problems: [String] = []
        for path in [left, empty] where files.fileExists(atPath: path) { problems.append("what a crash left is there: \(path)") }
        if files.contents(atPath: foreign + "/config.json") == nil { problems.append("\(foreign) was removed") }
        return problems
    }

    /// Whatever the clock says, the newest is what was written last.
    package func checkThatTheClockDecidesNothing() async throws -> [String] {
        var problems: [String] = []
        let first = try await trainer.save(name: "first", path: nil, weightsOnly: false).path
        // As if written tomorrow, and by a version that knew no sequence.
        try Self.edit(first) { $0["savedAt"] = UInt64.max / 2 }
        let old = try await trainer.save(name: "old", path: nil, weightsOnly: false).path
        try Self.edit(old) {
            $0["savedAt"] = UInt64.max / 2
            $0["sequence"] = nil
        }
        _ = try await trainer.forwardBackward(TinyModel.batch)
        _ = try await trainer.optimStep()
        _ = try await trainer.save(name: "second", path: nil, weightsOnly: false)
        var loaded = try await trainer.load(nil)
        if !loaded.path.hasSuffix("/second") { problems.append("the newest is \(loaded.path), not second") }
        // From an older one on: what comes after counts as newer.
        _ = try await trainer.load(first)
        _ = try await trainer.save(name: "third", path: nil, weightsOnly: false)
        loaded = try await trainer.load(nil)
        if !loaded.path.hasSuffix("/third") { problems.append("the newest is \(loaded.path), not third") }
        let step = try await trainer.status().step
        if step != 0 { problems.append("the step is \(step)") }
        // Weights alone hide nothing of their own step, and are the newest of another.
        _ = try await trainer.save(name: "weights", path: nil, weightsOnly: true)
        loaded = try await trainer.load(nil)
        if !loaded.path.hasSuffix("/third") { problems.append("weights alone hid third: \(loaded.path)") }
        _ = try await trainer.forwardBackward(TinyModel.batch)
        _ = try await trainer.optimStep()
        _ = try await trainer.save(name: "weights", path: nil, weightsOnly: true)
        loaded = try await trainer.load(nil)
        if !loaded.path.hasSuffix("/weights") { problems.append("the newest is \(loaded.path), not weights") }
        _ = try await trainer.load(old)
        return problems
    }

    /// Manifests that no trainer writes: an error, and the state as before.
    package func checkThatManifestsAreValidated() async throws -> [String] {
        var problems: [String] = []
        let good = try await trainer.save(name: "good", path: nil, weightsOnly: false).path
        let text = try String(contentsOfFile: good + "/checkpoint.json", encoding: .utf8)
        for (key, value) in Self.badValues {
            let file = good + "/checkpoint.json"
            var object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as! [String: Any]
            // Put in as text, which JSONSerialization would refuse to write.
            if let inner = key.split(separator: ".").last, key.contains(".") {
                var optimizer = object["optimizer"] as! [String: Any]
                optimizer[String(inner)] = "PLACE"
                object["optimizer"] = optimizer
            } else {
                object[key] = "PLACE"
            }
            let edited = String(decoding: try JSONSerialization.data(withJSONObject: object), as: UTF8.self)
            try edited.replacingOccurrences(of: "\"PLACE\"", with: value).write(toFile: file, atomically: false, encoding: .utf8)
            let before = try await trainer.status()
            do {
                _ = try await trainer.load(good)
                problems.append("\(key) \(value) was taken")
            } catch let error as TrainerError {
                if error.code != .corruptFile { problems.append("\(key) \(value): \(error.code.rawValue), \(error)") }
                if error.description.count > 600 { problems.append("\(key): the error has \(error.description.count) characters") }
            }
            let after = try await trainer.status()
            if after != before { problems.append("\(key) \(value): \(before) became \(after)") }
        }
        try text.write(toFile: good + "/checkpoint.json", atomically: false, encoding: .utf8)
        _ = try await trainer.load(good)
        _ = try await trainer.forwardBackward(TinyModel.batch)
        _ = try await trainer.optimStep()
        return problems
    }

    private static let badValues: [(String, String)] = [
        ("step", "9223372036854775807"), ("step", "-1"), ("step", "1e30"), ("step", "\"many\""),
        ("accumulatedMicrobatches", "9223372036854775807"), ("accumulatedMicrobatches", "1"),
        ("accumulatedDenominator", "NaN"), ("accumulatedDenominator", "1e400"), ("accumulatedDenominator", "-5"),
        // These could be, and are not what was written.
        ("step", "77"), ("optimizer.learningRate", "0.25"), ("weightsOnly", "true"),
        ("sequence", "9223372036854775807"), ("fileSizes", #"{"../config.json": 3}"#), ("fileSizes", #"{"a/b": 3}"#),
        ("fileSizes", #"{"model.safetensors": 9223372036854775807}"#), ("fileSizes", #"{"config.json": -1}"#),
        ("optimizer.learningRate", "NaN"), ("optimizer.learningRate", "-1"), ("optimizer.beta1", "2"), ("optimizer.beta2", "1"),
        ("optimizer.epsilon", "0"), ("optimizer.maxGradientNorm", "-1"), ("optimizer.weightDecay", "1e999"),
        ("optimizer.schedule", #"{"shape": "constant", "warmupSteps": 9223372036854775807, "totalSteps": -9223372036854775808}"#),
    ]

    /// Changes a checkpoint's manifest into that of a version without a checksum of it.
    package static func edit(_ checkpoint: String, _ change: (inout [String: Any]) -> Void) throws {
        let file = URL(fileURLWithPath: checkpoint + "/checkpoint.json")
        var object = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as! [String: Any]
        change(&object)
        object["manifestChecksum"] = nil
        try JSONSerialization.data(withJSONObject: object).write(to: file)
    }

    /// What is below a folder: names, kinds, links and contents.
    package static func digest(_ folder: String) -> [String: Data] {
        var found: [String: Data] = [:]
        for case let name as String in FileManager.default.enumerator(atPath: folder) ?? .init() {
            let path = folder + "/" + name
            if let link = try? FileManager.default.destinationOfSymbolicLink(atPath: path) {
                found[name] = Data(("link to " + link).utf8)
            } else {
                found[name] = FileManager.default.contents(atPath: path) ?? Data("folder".utf8)
            }
        }
        return found
    }
}
