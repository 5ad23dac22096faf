import Foundation
import Swage

/// A file of lines, of which those that are good are found again without reading it whole.
struct ExampleFile: Sendable {
    let path: String
    private let file: PlainFile
    private var lines: [Line] = []

    private struct Line {
        let range: Range<Int>
        let number: Int
        /// What tells the line from another one. It holds in this process alone.
        let hash: Int
    }

    /// - Parameter isGood: asked of every line that is not blank; the others are forgotten.
    /// - Throws: ``Swage/TrainerError`` with code `inputOutput` or `invalidData`, or what `isGood` throws.
    init(path: String, isGood: (LineReader.Line) throws -> Bool) throws {
        self.path = path
        file = try PlainFile(path)
        try LineReader.refuseOtherKinds(file)
        var reader = LineReader(file)
        while let line = try reader.next() {
            guard try isGood(line) else { continue }
            lines.append(Line(range: line.range, number: line.number, hash: Self.hash(line.bytes)))
        }
    }

    var byteCount: Int { file.count }
    var lineCount: Int { lines.count }
    func number(ofLine index: Int) -> Int { lines[index].number }

    /// - Throws: ``Swage/TrainerError`` with code `invalidData` if the line is not what it was when the file was opened.
    func line(_ index: Int) throws -> Data {
        let line = lines[index]
        guard let bytes = try? file.bytes(line.range), Self.hash(bytes) == line.hash else {
            throw TrainerError(
                .invalidData, "\(path), line \(line.number), has changed since the file was opened",
                expected: "a file that stays as it is while it is used")
        }
        return bytes
    }

    private static func hash(_ bytes: Data) -> Int {
        var hasher = Hasher()
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
        return hasher.finalize()
    }

    /// Equal for files of equal content.
    var contentDigest: String {
        get throws {
            var digest = ContentDigest()
            for begin in stride(from: 0, to: file.count, by: Self.digestPiece) {
                digest.add(try file.bytes(begin..<min(begin + Self.digestPiece, file.count)))
            }
            return digest.finish()
        }
    }

    private static let digestPiece = 1 << 22
}
