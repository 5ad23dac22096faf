import Foundation
import Swage
import Synchronization

/// Looks at a place while a checkpoint is written there: what is seen at first is all of it.
final class SaveWatch: Sendable {
    private let place: String
    private let seen = Mutex<[String: Int]?>(nil)
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// Begins to look at a place where nothing is.
    init(_ place: String) {
        self.place = place
        task.withLock {
            $0 = Task.detached { [self] in
                while !Task.isCancelled {
                    if let files = files() { return seen.withLock { $0 = files } }
                    try? await Task.sleep(for: .microseconds(200))
                }
            }
        }
    }

    /// Ends the looking, once the checkpoint is said to be written.
    /// - Throws: ``ConformanceFailure`` if less was there when it was seen first.
    func end() async throws {
        let task = task.withLock { $0 }
        task?.cancel()
        await task?.value
        guard let first = seen.withLock({ $0 }), let all = files() else { return }
        let missing = all.filter { first[$0.key] != $0.value }.keys.sorted()
        try expect(
            missing.isEmpty,
            "while a checkpoint was written at \(place) it could be seen there without all of \(missing.joined(separator: ", "))")
    }

    /// Files and their sizes; nil where there is no folder.
    private func files() -> [String: Int]? {
        guard let paths = try? FileManager.default.subpathsOfDirectory(atPath: place) else { return nil }
        return Dictionary(uniqueKeysWithValues: paths.map { ($0, FileManager.default.size("\(place)/\($0)")) })
    }
}
