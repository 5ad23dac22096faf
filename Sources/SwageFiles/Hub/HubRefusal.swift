import Swage

/// What a hub was asked for.
struct HubQuestion {
    let repository: HubRepository
    let revision: String?
    let file: String?

    init(_ repository: HubRepository, revision: String? = nil, file: String? = nil) {
        (self.repository, self.revision, self.file) = (repository, revision, file)
    }
}

/// An answer that is none, and what it means.
struct HubRefusal {
    /// For those who see whether the name may have meant something else.
    static let missing = TrainerError.Code(rawValue: "hubRepositoryNotFound")
    /// The same of a cache, where no hub was asked.
    static let unknown = TrainerError.Code(rawValue: "hubNotReached")

    /// After which what the cache has is still good.
    static let leavesCache: Set<TrainerError.Code> = [.connectionLost, .busy, .unauthenticated, .notAllowed, missing]

    let error: TrainerError

    init(_ reply: HTTPReply, _ question: HubQuestion, _ hub: Hub) {
        let (repository, page) = (question.repository, hub.page(question.repository))
        let message = reply.headers["x-error-message"]
        let said = message.map { ": \($0.hasSuffix(".") ? String($0.dropLast()) : $0)" } ?? ""
        let what = "the \(repository.kind.rawValue) \(repository.name)"
        let logIn = "a token in HF_TOKEN, or `hf auth login`"
        switch (reply.headers["x-error-code"], reply.status) {
        case ("RevisionNotFound", _):
            error = TrainerError(
                .inputOutput, "\(repository.name) has no revision \(question.revision ?? "main")",
                expected: "one that \(page)/tree/main lists")
        case ("EntryNotFound", _):
            error = TrainerError(
                .inputOutput, "\(repository.name) has no file \(question.file ?? "")", expected: "one that \(page)/tree/main lists")
        case ("GatedRepo", _):
            error = TrainerError(
                .notAllowed, "\(what) is for those who have accepted its terms\(said)",
                expected: "that you accept them at \(page)" + (hub.token == nil ? ", and \(logIn)" : ", with the account of your token"))
        case (_, 401) where message == "Invalid credentials in Authorization header":
            error = TrainerError(.unauthenticated, "\(hub.endpoint) does not know the token", expected: logIn + " again")
        case ("RepoNotFound", _), (_, 401), (_, 404):
            error = TrainerError(
                Self.missing,
                "\(hub.endpoint) has no \(repository.kind.rawValue) \(repository.name) that "
                    + (hub.token == nil ? "everybody may see" : "your token may see"),
                expected: "a name that has the page \(page)" + (hub.token == nil ? "; if it is private, \(logIn)" : ""))
        case (_, _) where message == "Access to this resource is disabled.":
            error = TrainerError(.notAllowed, "\(what) was disabled by the hub", expected: "what \(page) says")
        case (_, 403):
            error = TrainerError(.notAllowed, "\(what) may not be read\(said)", expected: "a token that may, and what \(page) asks for")
        case (_, 429):
            error = TrainerError(
                .busy, "\(hub.endpoint) takes no more requests\(said)", expected: "the same command later; what was fetched stays")
        default:
            error = TrainerError(
                .connectionLost, "\(hub.endpoint) answers \(reply.status) for \(question.file ?? what)\(said)",
                expected: "the same command later; what was fetched stays")
        }
    }
}
