/// The version of this package, as its releases are numbered (SemVer 2.0.0).
public let swageVersion = "0.2.0"
