/// What went wrong in a call to a ``Trainer``, a ``Sampler``, or in reading what they need.
///
/// A call that throws leaves its trainer as it was before the call.
/// A cancelled task throws `CancellationError` instead.
public struct TrainerError: Error, Sendable, Equatable {
    /// The kind of failure, for programs. Engines may add their own.
    public struct Code: RawRepresentable, Hashable, Sendable {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }

        /// A tensor's shape does not fit.
        public static let invalidShape = Code(rawValue: "invalidShape")
        /// A batch holds values that cannot be trained on.
        public static let invalidBatch = Code(rawValue: "invalidBatch")
        /// A token id lies outside the vocabulary.
        public static let tokenOutOfRange = Code(rawValue: "tokenOutOfRange")
        /// A loss is malformed, or reads what this engine or this batch does not have.
        public static let invalidLoss = Code(rawValue: "invalidLoss")
        /// An optimizer step was asked for and no gradients are accumulated.
        public static let nothingAccumulated = Code(rawValue: "nothingAccumulated")
        /// A loss, a gradient or a weight is NaN or infinite.
        public static let nonFinite = Code(rawValue: "nonFinite")
        /// An option has a value that makes no sense.
        public static let invalidOption = Code(rawValue: "invalidOption")
        /// There is no checkpoint where one was looked for.
        public static let checkpointNotFound = Code(rawValue: "checkpointNotFound")
        /// A checkpoint belongs to another model or another version.
        public static let checkpointMismatch = Code(rawValue: "checkpointMismatch")
        /// A file's content is not what its format says.
        public static let corruptFile = Code(rawValue: "corruptFile")
        /// The operating system refused to read or write.
        public static let inputOutput = Code(rawValue: "inputOutput")
        /// A model, tokenizer or format is well formed, and this engine does not know it.
        public static let unsupported = Code(rawValue: "unsupported")
        /// Something that the program needs is not installed.
        public static let missingDependency = Code(rawValue: "missingDependency")
        /// The connection to a trainer in another process could not be made, or broke. What was not answered by then
        /// was carried out in whole or not at all.
        public static let connectionLost = Code(rawValue: "connectionLost")
        /// A call took longer than it was given, and was not carried out.
        public static let deadlineExceeded = Code(rawValue: "deadlineExceeded")
        /// A trainer does not know this caller.
        public static let unauthenticated = Code(rawValue: "unauthenticated")
        /// A place that may not be read or written: outside of a server's folders, or with something in it that no trainer
        /// has written.
        public static let notAllowed = Code(rawValue: "notAllowed")
        /// A call asks for more memory than there is, or a message is larger than a trainer in another process takes.
        public static let tooLarge = Code(rawValue: "tooLarge")
        /// A trainer in another process has as many requests as it takes at once. Nothing was carried out of this one.
        public static let busy = Code(rawValue: "busy")
        /// An engine ended, or failed in a way of its own.
        public static let engineFailed = Code(rawValue: "engineFailed")
        /// A line or value of training data cannot be used.
        public static let invalidData = Code(rawValue: "invalidData")
    }

    /// What kind of failure it is. Programs go by this, and not by the text.
    public let code: Code
    /// What was found, and where.
    public let message: String
    /// What would have been right, or what to do.
    public let expected: String?

    /// Control characters become escapes, and of a long text the middle is left out: above 900 characters, or 4000 for
    /// `engineFailed` and `missingDependency`, which keep their lines.
    public init(_ code: Code, _ message: String, expected: String? = nil) {
        self.code = code
        // Another program's last words come in lines; everything else is one sentence.
        let keepsLines = [.engineFailed, .missingDependency].contains(code)
        self.message = Self.readable(message, keepsLines: keepsLines)
        self.expected = expected.map { Self.readable($0, keepsLines: keepsLines) }
    }
}

extension TrainerError: CustomStringConvertible {
    public var description: String {
        expected.map { "\(message); expected \($0)" } ?? message
    }
}
