#if Engines
extension RemoteTrainer {
    /// How a trainer is reached, and where its checkpoints lie.
    public struct Options: Sendable {
        /// What the server wants to know of a caller.
        public var token: String?
        /// A file, in PEM, of the authority that vouches for the server, or `system`; nil for no encryption.
        public var trustRoots: String?
        /// For how long a connection may take to come about.
        public var connectTimeout: Duration
        /// For how long a call may take; nil for as long as the server lives.
        public var callTimeout: Duration?
        /// The default place of checkpoints, in a folder that the server sees as well; nil for the server's own.
        public var checkpointDirectory: String?
        /// How many numbered checkpoints stay there; nil for all.
        public var keptCheckpoints: Int?
        /// Where relative paths of `save` and `load` begin, a folder that the server sees as well; nil for below the
        /// server's own.
        public var workingDirectory: String?
        /// Whether each request is made twice, by the same id, as where a connection breaks before the answer is there: a trainer
        /// carries it out once.
        package var repeatsRequests = false

        /// By default there is no token and no encryption, which is for this machine alone; a connection may take 10 seconds
        /// to come about, and checkpoints lie where the server keeps them.
        public init(
            token: String? = nil, trustRoots: String? = nil, connectTimeout: Duration = .seconds(10),
            callTimeout: Duration? = nil, checkpointDirectory: String? = nil, keptCheckpoints: Int? = nil,
            workingDirectory: String? = nil
        ) {
            self.token = token
            self.trustRoots = trustRoots
            self.connectTimeout = connectTimeout
            self.callTimeout = callTimeout
            self.checkpointDirectory = checkpointDirectory
            self.keptCheckpoints = keptCheckpoints
            self.workingDirectory = workingDirectory
        }
    }
}
#endif
