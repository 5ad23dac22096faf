import Swage
import CSwageSystem
import Foundation

/// Where what comes with the program is looked for: its own folder, and the clone that built it. Never the folder that it is
/// started in, which may be a stranger's.
package let foldersOfProgram: [String] = {
    // In a test the program is the runner, and the code lies in a bundle that it has loaded.
    let image = swage_image_path().map { String(cString: $0) }.flatMap { $0.hasPrefix("/") ? URL(literalPath: $0) : nil }
    let places = [Bundle.main.executableURL, image].compactMap { $0?.resolvingSymlinksInPath().deletingLastPathComponent() }
    var folders: [String] = []
    for place in places {
        let clone = sequence(first: place) { $0.path == "/" ? nil : $0.deletingLastPathComponent() }
            .first { $0.lastPathComponent.hasPrefix(".build") }?.deletingLastPathComponent()
        for folder in [place, clone].compactMap({ $0?.path }) where !folders.contains(folder) { folders.append(folder) }
    }
    return folders
}()
