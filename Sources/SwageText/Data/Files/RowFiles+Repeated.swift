import Swage

extension RowFiles {
    /// What tells a row from others, in this process.
    func hash(_ row: Int) -> Int {
        let (file, index) = find(row)
        return files[file].places[index].hash
    }

    /// How many rows are spelled as an earlier one is, and the number of the first of them; nil where none is.
    var repeated: (rows: Int, number: Int)? {
        var hashes = files.flatMap { $0.places.map(\.hash) }
        hashes.sort()
        let doubled = Set(zip(hashes, hashes.dropFirst()).lazy.filter { $0 == $1 }.map(\.0))
        if doubled.isEmpty { return nil }
        var seen: Set<Int> = []
        var found: (rows: Int, number: Int)?
        for file in files {
            for place in file.places where doubled.contains(place.hash) && !seen.insert(place.hash).inserted {
                found = ((found?.rows ?? 0) + 1, found?.number ?? file.unitsBefore + Int(place.number))
            }
        }
        return found
    }
}
