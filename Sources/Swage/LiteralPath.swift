package import Foundation

extension URL {
    /// A path as the system's calls take it. Foundation would take a `~` at its beginning for somebody's home, and then one
    /// half of a run would lie there, and the other here.
    package init(literalPath path: String, isDirectory: Bool? = nil, relativeTo base: URL? = nil) {
        let literal = path.hasPrefix("~") ? "./" + path : path
        if let isDirectory {
            self.init(fileURLWithPath: literal, isDirectory: isDirectory, relativeTo: base)
        } else {
            self.init(fileURLWithPath: literal, relativeTo: base)
        }
    }
}
