import Foundation

/// Where a row lies in its file.
struct RowPlace: Sendable {
    let offset: Int
    /// What tells the row from another one. It holds in this process alone.
    let hash: Int
    let length: UInt32
    /// Of the line or the record.
    let number: UInt32

    var range: Range<Int> { offset..<offset + Int(length) }

    static func hash(_ row: Data) -> Int {
        var hasher = Hasher()
        row.withUnsafeBytes { hasher.combine(bytes: $0) }
        return hasher.finalize()
    }
}
