import Foundation

/// Turns a byte in the middle of a file, whose size stays.
package func damage(_ path: String) throws {
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    defer { try? file.close() }
    let middle = try file.seekToEnd() / 2
    try file.seek(toOffset: middle)
    let byte = try file.read(upToCount: 1)![0]
    try file.seek(toOffset: middle)
    try file.write(contentsOf: Data([byte ^ 0x40]))
}
