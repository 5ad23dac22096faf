import SwageText
import Synchronization

/// What a run has told of its data.
final class Reports: Sendable {
    private let told = Mutex<[DataReport]>([])

    func add(_ report: DataReport) { told.withLock { $0.append(report) } }
    var all: [DataReport] { told.withLock { $0 } }
}
