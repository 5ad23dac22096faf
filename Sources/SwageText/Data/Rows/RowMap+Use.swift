import Foundation
import Swage
import Synchronization

extension RowMap {
    /// A map while rows are read by it: what has no effect on any of them is told.
    final class Use: Sendable {
        private let map: RowMap
        private let used = Mutex<Set<Int>>([])

        init(_ map: RowMap) { self.map = map }

        /// A row under the names that are read.
        /// - Throws: ``TrainerError`` with code `invalidData`.
        func apply(to json: Data) throws -> Data {
            guard let object = try JSONValue(json: json).object else { return json }
            var used: Set<Int> = []
            let row = try map.apply(to: object, used: &used)
            self.used.withLock { $0.formUnion(used) }
            return Data(JSONValue.object(row).json.utf8)
        }

        /// - Throws: ``TrainerError`` with code `invalidOption` for an entry that no row has anything for.
        func requireEffect(on name: String) throws {
            let used = used.withLock { $0 }
            guard let odd = map.entries.indices.first(where: { !used.contains($0) }) else { return }
            let entry = map.entries[odd]
            throw TrainerError(
                .invalidOption, "map has \(entry.name)=\(entry.source), and no row of \(name) has \"\(entry.source)\"", expected: "a key or role of it")
        }
    }
}
