#if Engines
import Foundation
import Swage

/// A client that tries to write and to read where a server was not told of.
package struct MaliciousClient: Sendable {
    /// Of a server that was told of the folder `served` alone.
    let trainer: any Trainer
    /// Holds `served`, and around it what must stay as it is.
    let folder: String
    /// The server's own place, in which links have come to be.
    private var served: String { folder + "/served" }

    package init(_ trainer: any Trainer, in folder: String) { (self.trainer, self.folder) = (trainer, folder) }

    /// Puts decoys around the folder that is to be served, and links to them into it.
    package static func prepare(_ folder: String) async throws {
        let files = FileManager.default
        for name in ["served/deep", "served/stolen", "served-private", "outside/photos", "outside/other"] {
            try files.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        }
        for name in ["a.txt", "served-private/a.txt", "outside/a.txt", "outside/photos/a.jpg", "outside/photos/b.jpg"] {
            try "decoy \(name)".write(toFile: "\(folder)/\(name)", atomically: false, encoding: .utf8)
        }
        // A model that is nobody's business, which would load.
        _ = try await TinyModel.trainer().save(name: nil, path: folder + "/outside/model", weightsOnly: true)
        for name in try files.contentsOfDirectory(atPath: folder + "/outside/model") where name != "checkpoint.json" {
            try files.createSymbolicLink(
                atPath: "\(folder)/served/stolen/\(name)", withDestinationPath: "\(folder)/outside/model/\(name)")
        }
        for (name, target) in [
            ("link", "outside/photos"), ("up", ""), ("dangling", "outside/new"), ("deep/link", "outside"), ("model", "outside/model"),
            ("step-0", "outside/photos"), ("named", "outside/other"), ("weights-step-0", "outside/new-too"),
        ] {
            try files.createSymbolicLink(atPath: "\(folder)/served/\(name)", withDestinationPath: "\(folder)/\(target)")
        }
    }

    private var paths: [String] {
        [
            "..", "../x", "../outside", "../outside/photos", "../outside/model", "deep/../../outside/photos", "deep/..", "./../x",
            "deep/./../../x", "", ".", "./", "/", "//", served, served + "/", served + "/.", served + "/../outside/model",
            folder, folder + "/new", folder + "/outside/photos", folder + "/outside/model", folder + "/outside/new",
            served + "-private", served + "-private/x", "//" + folder + "/outside/model", "/proc/self/root" + folder + "/outside/model",
            "/proc/self/cwd/x", "/proc/self/fd/0", "/dev/fd/0/x", "/etc", "/etc/passwd",
            FileManager.default.temporaryDirectory.path + "/swage-\(UUID().uuidString)",
            "link", "link/", "link/.", "link/x", "up", "up/x", "up/outside/model", "up/served/../outside/model", "dangling", "dangling/x",
            "deep/link", "deep/link/model", "deep/link/photos", "deep/link/new", "model", "stolen", "named/x", "step-0/x",
            "a\0b", "\0", "x\0/../../outside/model", "a\nb", "a\rb", "\u{1b}[2J", String(repeating: "a/", count: 3000),
            String(repeating: "a", count: 300) + "/x", "\u{600}/../\u{600}/../\u{600}/../x", "\u{600}/../../outside/model",
            "/\u{301}/../../x", "x/\u{301}../..", "%2e%2e/x/../..", "file:///etc/..",
        ]
    }

    private var names: [String] { ["..", ".", "", "a/b", "../x", ".hidden", "/etc", "x\0", "a\nb", "named"] }

    /// Everything that was not refused, and everything that has changed.
    /// - Parameter whatChangesAlone: whether a server may take what does no harm.
    package func attack(whatChangesAlone: Bool = false) async throws -> [String] {
        var problems: [String] = []
        let before = FileRules.digest(folder)
        func tries(_ what: String, _ call: () async throws -> String) async {
            do {
                let place = try await call()
                if !whatChangesAlone { problems.append("\(what) led to \(place)") }
            } catch let error where !whatChangesAlone {
                let code = (error as? TrainerError)?.code ?? .engineFailed
                if ![.notAllowed, .invalidOption].contains(code) { problems.append("\(what) ended with \(error)") }
            } catch {}
        }
        for path in paths {
            let shown = "\"\(path.prefix(60))\""
            await tries("save to \(shown)") { try await trainer.save(name: nil, path: path, weightsOnly: true).path }
            await tries("load of \(shown)") { try await trainer.load(path).path }
            if let place = try? await trainer.save(name: "x", path: path, weightsOnly: false).path,
                !place.hasPrefix(served + "/") || place.contains("..")
            {
                problems.append("save of x to \(shown) led to \(place)")
            }
        }
        for name in names {
            await tries("save as \"\(name)\"") { try await trainer.save(name: name, path: nil, weightsOnly: true).path }
            await tries("save of deep/\"\(name)\"") {
                let place = try await trainer.save(name: name, path: "deep", weightsOnly: true).path
                // Nothing leads out there.
                if name == "named", place == served + "/deep/named" { throw TrainerError(.invalidOption, "as it should") }
                return place
            }
        }
        await tries("save of a step whose place is a link") { try await trainer.save(name: nil, path: nil, weightsOnly: false).path }
        await tries("save of weights whose place is a link") { try await trainer.save(name: nil, path: nil, weightsOnly: true).path }

        // A link that comes to be later.
        let later = try await trainer.save(name: "x", path: "later", weightsOnly: true).path
        if later != served + "/later/x" { problems.append("a save below the served folder went to \(later)") }
        try FileManager.default.moveItem(atPath: served + "/later", toPath: served + "/earlier")
        try FileManager.default.createSymbolicLink(atPath: served + "/later", withDestinationPath: folder + "/outside")
        await tries("save through a later link") { try await trainer.save(name: "x", path: "later", weightsOnly: true).path }
        await tries("load through a later link") { try await trainer.load("later/model").path }

        let after = FileRules.digest(folder)
        for name in Set(before.keys).union(after.keys).sorted() where before[name] != after[name] && !name.hasPrefix("served/") {
            problems.append("\(name) has changed")
        }
        for (name, content) in before where name.hasPrefix("served/") && after[name] != content { problems.append("\(name) has changed") }
        if try await trainer.status() != TrainerStatus(step: 0, accumulatedMicrobatches: 0) { problems.append("the state has changed") }
        // What is right is served.
        _ = try await trainer.load(served + "/earlier/x")
        _ = try await trainer.load("earlier/x")
        return problems
    }
}
#endif
