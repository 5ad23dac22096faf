public import Foundation

extension Trainer {
    /// Writes a checkpoint below a folder, or as it. See ``save(name:path:weightsOnly:)``.
    /// - Throws: ``TrainerError`` with code `invalidOption` for what is no place on disk.
    public func save(name: String? = nil, to url: URL, weightsOnly: Bool = false) async throws -> SavedCheckpoint {
        try await save(name: name, path: try url.filePath, weightsOnly: weightsOnly)
    }

    /// Restores a checkpoint. See ``load(_:)``.
    /// - Throws: ``TrainerError`` with code `invalidOption` for what is no place on disk.
    public func load(_ url: URL) async throws -> LoadedCheckpoint { try await load(try url.filePath) }
}

extension URL {
    /// The path of a file or folder.
    /// - Throws: ``TrainerError`` with code `invalidOption` for what lies elsewhere than on disk.
    package var filePath: String {
        get throws {
            guard isFileURL else {
                throw TrainerError(.invalidOption, "\(absoluteString) is no place on disk", expected: "a path, or a URL that begins with file:")
            }
            return path
        }
    }
}
