/// A model among the GGUF files of a repository: one file, or the parts of a split one.
struct HubGGUF {
    /// Its files, the first part first.
    let files: [String]

    /// All that are whole, sorted. What sees or hears for a model beside it is none of them.
    static func models(among paths: [String]) -> [HubGGUF] {
        let names = paths.filter { path in
            let name = path.split(separator: "/").last ?? ""
            return name.lowercased().hasSuffix(".gguf") && !name.lowercased().contains("mmproj")
        }
        let present = Set(names)
        return names.compactMap { path in
            guard let split = path.firstMatch(of: /-(\d{5})-of-(\d{5})\.gguf$/) else { return HubGGUF(files: [path]) }
            guard let number = Int(split.1), let count = Int(split.2), number == 1, count >= 1 else { return nil }
            let parts = (1...count).map { "\(path[..<split.range.lowerBound])-\(digits($0))-of-\(split.2).gguf" }
            return parts.allSatisfy(present.contains) ? HubGGUF(files: parts) : nil
        }
    }

    private static func digits(_ number: Int) -> String { String(repeating: "0", count: max(0, 5 - "\(number)".count)) + "\(number)" }

    /// Whether a text names a file of it, or is a word of its path: `Q4_K` is not `Q4_K_M`.
    func isMeant(by part: String) -> Bool {
        if files.contains(part) { return true }
        guard !part.lowercased().hasSuffix(".gguf") else {
            return files.contains { $0.hasSuffix("/" + part) }
        }
        let (path, word) = (Array(files[0].lowercased().utf8), Array(part.lowercased().utf8))
        guard !word.isEmpty, path.count >= word.count else { return false }
        return (0...path.count - word.count).contains { start in
            path[start..<start + word.count].elementsEqual(word)
                && (start == 0 || !Self.goesOn(path[start - 1]))
                && (start + word.count == path.count || !Self.goesOn(path[start + word.count]))
        }
    }

    private static func goesOn(_ letter: UInt8) -> Bool {
        (0x30...0x39).contains(letter) || (0x61...0x7A).contains(letter) || letter == UInt8(ascii: "_")
    }
}
