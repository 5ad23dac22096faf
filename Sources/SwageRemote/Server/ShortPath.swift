import Foundation

/// A path in the system's temporary folder that nothing has yet, short enough for a socket's, which may have about a
/// hundred bytes.
package func shortTemporaryPath() -> String {
    let folder = FileManager.default.temporaryDirectory.path
    return "\(folder.utf8.count <= 60 ? folder : "/tmp")/swage-\(UUID().uuidString.prefix(12))"
}
