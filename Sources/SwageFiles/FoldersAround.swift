import Foundation

/// The working directory and the program's, each with the folders above it: where what comes with a clone is looked for.
package var foldersAroundProgram: [String] {
    let program = Bundle.main.executableURL?.resolvingSymlinksInPath().deletingLastPathComponent()
    let places = [URL(fileURLWithPath: FileManager.default.currentDirectoryPath), program].compactMap { $0 }
    return places.flatMap { place in
        sequence(first: place.standardizedFileURL) { $0.path == "/" ? nil : $0.deletingLastPathComponent() }
            .map { $0.path == "/" ? "" : $0.path }
    }
}
