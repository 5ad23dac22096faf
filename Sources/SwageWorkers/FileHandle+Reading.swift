#if Engines
import Foundation

extension FileHandle {
    /// Reads on a thread of its own until the other end closes. A `readabilityHandler` would leave the closing of the
    /// descriptor to a race with Dispatch, which Linux's loses now and then.
    func readToEnd(_ take: @escaping @Sendable (Data) -> Void, end: @escaping @Sendable () -> Void = {}) {
        Thread.detachNewThread {
            while case let data = self.availableData, !data.isEmpty { take(data) }
            end()
        }
    }
}
#endif
