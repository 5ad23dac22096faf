import Foundation
import Swage

/// Where a path leads, through symbolic links, whether or not something is there yet.
package struct ResolvedPath {
    /// Absolute, without links and dots.
    package let text: String

    package init(_ path: String) {
        var rest: [Substring] = []
        var place = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        while true {
            if let real = realpath(place, nil) {
                defer { free(real) }
                text = Self.appending(rest.reversed(), to: String(cString: real))
                return
            }
            let names = place.split(separator: "/")
            guard let last = names.last else { break }
            rest.append(last)
            place = "/" + names.dropLast().joined(separator: "/")
        }
        text = Self.appending(rest.reversed(), to: "/")
    }

    private static func appending(_ names: [Substring], to path: String) -> String {
        var result = path.split(separator: "/")
        for name in names where name != "." {
            if name == ".." { _ = result.popLast() } else { result.append(name) }
        }
        return "/" + result.joined(separator: "/")
    }

    package var isRoot: Bool { text == "/" }

    /// Makes sure that a path names a folder that can be somebody's own.
    /// - Parameter what: what the folder is, the beginning of a sentence.
    /// - Throws: ``TrainerError`` with code `invalidOption` for an empty path, one that leads to the root, or what is left of
    ///   a path where a name in it was empty, such as `.//`.
    package static func requireFolder(_ path: String, _ what: String) throws {
        let names = path.split(separator: "/").filter { !$0.allSatisfy(\.isWhitespace) }
        let isNamed = names.contains { $0 != "." && $0 != ".." }
        guard !names.isEmpty, isNamed || !(path.hasPrefix("/") || path.contains("//")), !ResolvedPath(path).isRoot else {
            throw TrainerError(
                .invalidOption, names.isEmpty && !path.contains("/") ? "\(what) has no name" : "\(what) is \(path)",
                expected: "the name of a folder for this alone, such as runs/mine; a variable in it may be unset")
        }
    }

    /// The path and every folder above it.
    package var chain: [String] {
        let names = text.split(separator: "/")
        return (0...names.count).map { "/" + names.prefix($0).joined(separator: "/") }
    }

    /// How `self`, which is written to, gets in the way of `input`; nil if it does not.
    package func conflict(with input: ResolvedPath) -> String? {
        if text == input.text || (FileID(text) != nil && FileID(text) == FileID(input.text)) { return "is" }
        if let own = FileID(text), input.chain.contains(where: { FileID($0) == own }) { return "holds" }
        if let other = FileID(input.text), chain.contains(where: { FileID($0) == other }) { return "lies in" }
        return nil
    }
}

/// Tells a file or a folder from any other of the machine, whatever its names.
private struct FileID: Equatable {
    let device: UInt64
    let number: UInt64

    init?(_ path: String) {
        var found = stat()
        guard stat(path, &found) == 0 else { return nil }
        (device, number) = (UInt64(truncatingIfNeeded: found.st_dev), UInt64(truncatingIfNeeded: found.st_ino))
    }
}
