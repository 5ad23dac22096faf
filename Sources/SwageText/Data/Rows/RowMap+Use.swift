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

        /// The entries that no row has had anything for.
        var idle: Set<Int> { used.withLock { Set(map.entries.indices).subtracting($0) } }
    }

    /// Makes sure that every entry has an effect somewhere.
    /// - Parameter read: what was read by this map, each with the entries that it has nothing for.
    /// - Throws: ``TrainerError`` with code `invalidOption` for an entry that no row of any has anything for.
    package func requireEffect(on read: [(name: String, idle: Set<Int>)]) throws {
        guard let odd = entries.indices.first(where: { index in read.allSatisfy { $0.idle.contains(index) } }), !read.isEmpty else { return }
        let entry = entries[odd]
        let names = read.map(\.name).joined(separator: ", or of ")
        throw TrainerError(
            .invalidOption, "map has \(entry.name)=\(entry.source), and no row of \(names) has \"\(entry.source)\"", expected: "a key or role that is there")
    }
}
