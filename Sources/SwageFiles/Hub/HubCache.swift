import Foundation

/// What a cache holds beside its repositories, and the files of a folder in it.
enum HubCache {
    /// Tells programs that make backups that all of this can be fetched again (bford.info/cachedir).
    static func mark(_ cache: String) {
        let path = cache + "/CACHEDIR.TAG"
        guard !FileManager.default.fileExists(atPath: path) else { return }
        let text = """
            Signature: 8a477f597d28d172789f06886806bc55
            # This file is a cache directory tag created by huggingface_hub.
            # For information about cache directory tags, see:
            #\thttps://bford.info/cachedir/

            """
        try? SmallFile.write(text, to: path, suffix: "tmp")
    }

    /// All files of a folder and the folders in it, by their paths from there, sorted.
    static func files(in folder: String) -> [String] {
        var files: [String] = []
        var folders = [""]
        while let place = folders.popLast() {
            for name in (try? FileManager.default.contentsOfDirectory(atPath: folder + "/" + place)) ?? [] {
                let path = place + name
                var status = stat()
                guard lstat("\(folder)/\(path)", &status) == 0, HubPath.isInside(path) else { continue }
                if status.st_mode & S_IFMT == S_IFDIR { folders.append(path + "/") } else { files.append(path) }
            }
        }
        return files.sorted()
    }
}
