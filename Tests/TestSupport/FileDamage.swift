import Foundation

/// Turns bytes in the middle of a file, whose size stays.
package func damage(_ path: String, bytes count: Int = 1) throws {
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    defer { try? file.close() }
    let begin = try (file.seekToEnd() - UInt64(count)) / 2
    try file.seek(toOffset: begin)
    let bytes = try file.read(upToCount: count) ?? Data()
    try file.seek(toOffset: begin)
    try file.write(contentsOf: Data(bytes.map { $0 ^ 0x40 }))
}
