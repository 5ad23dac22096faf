#if Engines
extension TrainerServer {
    /// How much a server does for its clients at once. What is more is refused in words, and nothing else suffers by it.
    public struct Limits: Sendable {
        /// How many calls may be under way or wait for their turn, of all clients together.
        public var calls = 1024
        /// How many of them on one connection. A client that heeds HTTP/2 keeps the rest back until there is room.
        public var callsOfAConnection = 128
        /// How many bytes of requests may be held, of all clients together. One request is always taken.
        public var requestBytes = 1 << 30
        /// How many bytes of answers to ``Swage/Trainer/forward(_:)`` may be held until their clients have read them.
        public var answerBytes = 1 << 30
        /// For how long a client may neither go on with its request nor read its answer.
        public var stall = Duration.seconds(60)
        /// For how long a connection may stay without calls.
        public var idle = Duration.seconds(600)
        /// How long, once it is to end, it waits after each call for clients to save what they have learned. If nobody does,
        /// it saves that itself. With 0 it does neither.
        public var saving = Duration.seconds(10)

        /// All limits as they are by default; each can be set after that.
        public init() {}
    }
}
#endif
