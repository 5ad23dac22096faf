#if Engines
import Testing

/// All that starts workers, one after another: each of them takes every core.
@Suite(.serialized) enum WorkerTests {}
#endif
