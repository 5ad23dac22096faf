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
        do {
            return try await fetch(name, tell: tell)
        } catch let error as TrainerError where [HubRefusal.missing, HubRefusal.unknown].contains(error.code) {
            throw TrainerError(
                error.code, "there is no file or folder \(model), and \(error.message)",
                expected: "a path that exists, or \(error.expected ?? "a name of the hub")")
        }
    }

    /// Finds a model by its name alone.
    /// - Throws: as ``fetch(_:tell:)``.
    public func fetch(_ name: HubName, tell: @escaping @Sendable (HubEvent) -> Void = { _ in }) async throws -> String {
        let repository = HubRepository(kind: .model, name: name.repository, cache: cache)
        let fetch = HubFetch(self, repository, revision: name.wantedRevision, tell: tell)
        let page = page(repository)
        return try await withTaskCancellationHandler {
            let (folder, choice) = try await Concurrently.apart {
                try fetch.run { try HubModelFiles.choice(name, among: $0, page: page) }
            }
            return choice.model.map { "\(folder)/\($0)" } ?? folder
        } onCancel: {
            fetch.cancel()
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
