/// How far a fetch is.
public struct HubProgress: Sendable, Equatable {
    /// `org/name`.
    public let repository: String
    /// How many files are there, of how many.
    public internal(set) var (files, totalFiles) = (0, 0)
    /// How many bytes are there, of how many; what was there before counts.
    public internal(set) var (bytes, totalBytes) = (0, 0)
    /// How many of the bytes have come by now, in this fetch.
    public internal(set) var fetchedBytes = 0

    init(repository: String) { self.repository = repository }
}

/// What a fetch tells while it goes on.
public enum HubEvent: Sendable, Equatable {
    /// Some more has come, or a file is complete.
    case progress(HubProgress)
    /// What a person should know: a hub that asks to wait, a connection that broke.
    case note(String)
}
