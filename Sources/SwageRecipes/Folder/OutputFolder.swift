import Foundation
import Swage
import SwageFiles
import SwageText

/// A folder in which work leaves files, and from which it goes on.
struct OutputFolder: Sendable {
    let path: String

    func file(_ name: String) -> String { path + "/" + name }

    /// Makes sure that the path names a folder that can be somebody's own, and does not lie in what a run writes.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption`.
    func checkName() throws {
        try ResolvedPath.requireFolder(path, "the output folder")
        for run in RunDirectory.runs(around: path) where run != ResolvedPath(path).text {
            let inside = ResolvedPath(path).text.dropFirst(run.count + 1).split(separator: "/")[0]
            guard !WorkLayout.run.places.contains(String(inside)) else {
                throw TrainerError(
                    .invalidOption, "the output folder \(path) lies in \(run)/\(inside), which a run writes",
                    expected: "a folder apart from it")
            }
        }
    }

    /// Makes sure that nothing that is read lies where `places` of this folder are written.
    /// - Parameter inputs: the path of each thing that is read, by what it is.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption`.
    func checkApart(_ places: [String], from inputs: [String: String]) throws {
        for (what, input) in inputs.sorted(by: { $0.key < $1.key }) {
            for place in places {
                guard let conflict = ResolvedPath(file(place)).conflict(with: ResolvedPath(input)) else { continue }
                throw TrainerError(
                    .invalidOption, "\(file(place)), which this writes, \(conflict) \(what) \(input)",
                    expected: "an output folder apart from everything that is read")
            }
        }
    }

    /// Makes sure that the folder is there and can be written to, before any work is done.
    func prepare() throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw TrainerError(.inputOutput, "\(path) cannot be created: \(error.summary)")
        }
        guard FileManager.default.isWritableFile(atPath: path) else {
            throw TrainerError(.inputOutput, "\(path) cannot be written to", expected: "a folder with permission to write")
        }
    }

    /// Nil if the file is not there.
    func read<Value: Recorded>(_: Value.Type, _ name: String) throws -> Value? {
        guard FileManager.default.fileExists(atPath: file(name)) else { return nil }
        return try RecordCoding.decode(Value.self, try PlainFile.content(of: file(name), limit: .max), file(name))
    }

    func write(_ value: some Encodable, to name: String) throws {
        try AtomicDirectory.replaceFile(file(name), with: try RecordCoding.encode(value, pretty: true))
    }

    /// Whether there is nothing that could be lost under a name: no file, and no folder that holds anything.
    func isFree(_ name: String) -> Bool {
        var found = stat()
        guard lstat(file(name), &found) == 0 else { return true }
        return (try? FileManager.default.contentsOfDirectory(atPath: file(name)))?.isEmpty ?? false
    }
}
