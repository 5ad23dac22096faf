public import Foundation

extension TrainerError: LocalizedError {
    /// What an application shows of it: what was found, and what would have been right.
    public var errorDescription: String? { description }
}
