#if Engines
import Synchronization

/// A count of what is held at once, calls or bytes, up to a limit. What stands alone is always taken, however much it is.
final class Held: Sendable {
    let limit: Int
    private let count = Mutex(0)

    init(limit: Int) { self.limit = limit }

    /// Whether so much more can be held; if so, it is.
    /// - Parameter own: what the one that asks holds already.
    func take(_ more: Int, beyond own: Int = 0) -> Bool {
        count.withLock { count in
            guard count == own || more <= limit - count else { return false }
            count += more
            return true
        }
    }

    func release(_ less: Int) { count.withLock { $0 -= less } }
}
#endif
