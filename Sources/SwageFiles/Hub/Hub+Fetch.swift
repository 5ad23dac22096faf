import Foundation
import Swage

extension Hub {
    /// Finds a model: a path that exists is a path, and anything else a name, whose files are fetched if the cache has not all of them.
    ///
    /// Only the files that a model needs are fetched, several at once, each with its checksum; what is half there is gone on with.
    /// - Parameters:
    ///   - model: a path, or `org/name`, with `@revision` and `:file.gguf` or `:Q4_K_M` behind it if need be.
    ///   - tell: told how far it is, from any thread.
    /// - Returns: the path of a folder in Hugging Face's layout, or of a GGUF file.
    /// - Throws: ``Swage/TrainerError`` that says what is missing, and where a person can do something about it; `CancellationError`.
    public func fetch(_ model: String, tell: @escaping @Sendable (HubEvent) -> Void = { _ in }) async throws -> String {
        guard let name = try Self.name(model) else { return model }
        return try await fetch(name, typed: model, tell: tell)
    }

    /// Finds a model by its name alone.
    /// - Throws: as ``fetch(_:tell:)``.
    public func fetch(_ name: HubName, tell: @escaping @Sendable (HubEvent) -> Void = { _ in }) async throws -> String {
        try await fetch(name, typed: nil, tell: tell)
    }

    private func fetch(_ name: HubName, typed: String?, tell: @escaping @Sendable (HubEvent) -> Void) async throws -> String {
        let repository = HubRepository(kind: .model, name: name.repository, cache: cache)
        let page = page(repository)
        let found = try await fetch(repository, name.wantedRevision, typed: typed, tell: tell) {
            try HubModelFiles.choice(name, among: $0, page: page)
        }
        return found.model ?? found.folder
    }

    /// What a fetch has in the cache.
    struct Found: Sendable {
        /// The folder of the commit, the paths of all that was chosen, and that of the file that is the model.
        let (folder, paths, model): (String, [String], String?)
    }

    /// - Parameter typed: what a person wrote, which could have been a path as well.
    func fetch(
        _ repository: HubRepository, _ revision: String, typed: String?, tell: @escaping @Sendable (HubEvent) -> Void,
        _ choose: @escaping @Sendable ([String]) throws -> HubModelFiles.Choice
    ) async throws -> Found {
        let fetch = HubFetch(self, repository, revision: revision, tell: tell)
        do {
            return try await withTaskCancellationHandler {
                try await Concurrently.apart {
                    let (folder, choice) = try fetch.run(choose)
                    return Found(
                        folder: folder, paths: choice.files.map { "\(folder)/\($0)" }, model: choice.model.map { "\(folder)/\($0)" })
                }
            } onCancel: {
                fetch.cancel()
            }
        } catch let error as TrainerError where typed != nil && [HubRefusal.missing, HubRefusal.unknown].contains(error.code) {
            throw TrainerError(
                error.code, "there is no file or folder \(typed ?? ""), and \(error.message)",
                expected: "a path that exists, or \(error.expected ?? "a name of the hub")")
        }
    }

    /// The name that a text is; nil if it is a path, be it one that exists or one that can be nothing else.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` for what is neither.
    package static func name(_ model: String) throws -> HubName? {
        guard !model.contains("\0"), !FileManager.default.fileExists(atPath: model), !HubName.isWrittenAsPath(model) else { return nil }
        let repository = model.prefix { $0 != ":" && $0 != "@" }
        let slashes = repository.count { $0 == "/" }
        // Of one word, or of three, is the path of something that is not there; and so is that of a file.
        guard slashes == 1, !repository.lowercased().hasSuffix(".gguf") else { return nil }
        do {
            return try HubName(model)
        } catch let error as TrainerError {
            throw TrainerError(error.code, "there is no file or folder \(model), and \(error.message)", expected: error.expected)
        }
    }
}

extension ModelFiles {
    /// Opens a model by its path or its name, and fetches it first if need be.
    /// - Parameters:
    ///   - model: a path, or a name as ``Hub/fetch(_:tell:)`` takes it.
    ///   - hub: where names are looked for.
    ///   - chatTemplate: as ``open(_:chatTemplate:)`` takes it.
    ///   - tell: told how far it is, from any thread.
    /// - Throws: ``Swage/TrainerError``; `CancellationError`.
    public static func fetched(
        _ model: String, from hub: Hub = Hub(), chatTemplate: String? = nil, tell: @escaping @Sendable (HubEvent) -> Void = { _ in }
    ) async throws -> ModelFiles {
        try open(try await hub.fetch(model, tell: tell), chatTemplate: chatTemplate)
    }
}
