import Foundation
import Swage

/// The files of sources, opened.
struct RowFiles: Sendable {
    let sources: [DataSource]
    fileprivate(set) var files: [RowFile]
    /// How many rows the files before each have.
    private var rowsBefore: [Int] = []

    /// More files than that are opened whenever they are read.
    private static let heldFiles = 128

    /// Finds the files, unpacks what has to be unpacked, and tells how rows are written in each.
    /// - Parameters:
    ///   - standardInput: where `-` reads.
    ///   - freeBytes: how much room there is where a file lies.
    ///   - progress: told how many bytes have been read of those that are known of.
    /// - Throws: ``TrainerError``, or what `progress` throws.
    init(
        _ sources: [DataSource], standardInput: Int32, freeBytes: @escaping @Sendable (Int32) -> Int, progress: (Int, Int) throws -> Void
    ) throws {
        guard !sources.isEmpty else { throw TrainerError(.invalidOption, "there is no data", expected: "at least one file or folder") }
        self.sources = sources
        let found = try DataFiles(sources).found
        var used: Spool?
        func spool() throws -> Spool {
            if let used { return used }
            let made = try Spool(room: freeBytes)
            used = made
            return made
        }
        files = []
        for file in found {
            try Task.checkCancellation()
            var content: RowContent
            if file.file == nil {
                content = try Unpacking.standardInput(standardInput, into: spool())
            } else {
                content = RowContent(try PlainFile(file.path), isHeld: found.count <= Self.heldFiles)
            }
            if try content.beginning(2).elementsEqual(FileSignature.gzip) {
                content = try Unpacking.gzip(content, into: spool()) { try progress($0, content.count) }
            }
            let kind = try RowKind(of: content)
            files.append(RowFile(content: content, kind: kind, source: file.source))
        }
    }

    var byteCount: Int { files.reduce(0) { $0 + $1.content.count } }

    /// Adds the good rows of a piece.
    mutating func add(_ places: [RowPlace], toFile file: Int) { files[file].places += places }

    /// Once all rows are there.
    /// - Throws: ``TrainerError`` with code `invalidData` for a file without rows.
    mutating func finish(units: [Int]) throws {
        var (rows, before) = (0, 0)
        for index in files.indices {
            guard !files[index].places.isEmpty else {
                throw TrainerError(
                    .invalidData, "\(files[index].content.path) has no examples",
                    expected: files[index].kind == .lines ? "one JSON object a line" : "at least one row")
            }
            (files[index].units, files[index].unitsBefore) = (units[index], before)
            before += units[index]
            rowsBefore.append(rows)
            rows += files[index].places.count
        }
    }

    /// How many rows all files have.
    var count: Int { (rowsBefore.last ?? 0) + (files.last?.places.count ?? 0) }

    /// Which file a row is in, and where in it.
    func find(_ row: Int) -> (file: Int, index: Int) {
        var (low, high) = (0, rowsBefore.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if rowsBefore[middle] <= row { low = middle } else { high = middle }
        }
        return (low, row - rowsBefore[low])
    }

    func json(_ row: Int) throws -> Data {
        let (file, index) = find(row)
        return try files[file].json(index)
    }

    /// The number of the line or record, counted on from file to file.
    func number(_ row: Int) -> Int {
        let (file, index) = find(row)
        return files[file].unitsBefore + Int(files[file].places[index].number)
    }

    func place(_ row: Int) -> String {
        let (file, index) = find(row)
        return files[file].name(ofUnit: Int(files[file].places[index].number))
    }

    /// The rows of one pass over the data, in the order of the sources: of each, all rows as often as its weight says, and
    /// then those that come once more. Nil if each row comes once.
    /// - Throws: ``TrainerError`` with code `invalidOption` if a source is left with no row, or there are too many.
    func pass(seed: UInt64) throws -> [Int]? {
        guard sources.contains(where: { $0.weight != 1 }) else { return nil }
        var pass: [Int] = []
        for (number, source) in sources.enumerated() {
            let own = files.indices.filter { files[$0].source == number }
            guard let first = own.first, let last = own.last else { continue }
            let rows = rowsBefore[first]..<rowsBefore[last] + files[last].places.count
            let extra = source.extra(of: rows.count)
            guard source.copies > 0 || extra > 0 else {
                throw TrainerError(
                    .invalidOption, "\(source) leaves none of the \(rows.count) rows of \(source.path)", expected: "a larger weight")
            }
            guard pass.count + source.copies * rows.count < Int(Int32.max) else {
                throw TrainerError(.tooLarge, "\(source) makes more than \(Int32.max) rows of one pass", expected: "a smaller weight")
            }
            for _ in 0..<source.copies { pass += rows }
            var generator = SeededGenerator(seed: seed, stream: UInt64(number) + 1)
            pass += rows.shuffled(using: &generator).prefix(extra).sorted()
        }
        return pass
    }

    /// Equal for equal contents of the sources with equal weights, however they are called.
    var contentDigest: String {
        get throws {
            if files.count == 1, files[0].kind == .lines, sources[0].weight == 1 { return try files[0].content.digest }
            var digest = ContentDigest()
            for (number, source) in sources.enumerated() {
                digest.add("source")
                digest.add(source.weightText)
                for file in files where file.source == number {
                    digest.add(file.kind.digestName)
                    digest.add(try file.content.digest)
                }
            }
            return digest.finish()
        }
    }
}
