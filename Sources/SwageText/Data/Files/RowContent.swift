import Foundation
import Swage

/// The bytes of a file of examples, wherever they lie: in the file itself, or unpacked in a temporary one.
struct RowContent: Sendable {
    /// How errors call it.
    let path: String
    let count: Int
    private let place: Place

    private enum Place {
        case file(PlainFile)
        /// A file that is opened whenever it is read: a program may hold a few hundred files open, and no more.
        case closed
        /// A part of a file that others are in as well.
        case spool(Spool, start: Int)
    }

    /// - Parameter isHeld: whether the file stays open.
    init(_ file: PlainFile, isHeld: Bool) { (path, count, place) = (file.path, file.count, isHeld ? .file(file) : .closed) }

    init(path: String, _ spool: Spool, _ range: Range<Int>) {
        (self.path, count, place) = (path, range.count, .spool(spool, start: range.lowerBound))
    }

    /// Fills `destination` with the bytes from `offset` on.
    /// - Throws: ``TrainerError`` with code `inputOutput`, or `corruptFile` if the file ends before.
    func read(_ offset: Int, into destination: UnsafeMutableRawBufferPointer) throws {
        switch place {
        case .file(let file): try file.read(offset, into: destination)
        case .closed: try PlainFile(path).read(offset, into: destination)
        case .spool(let spool, let start): try spool.read(start + offset, into: destination)
        }
    }

    /// The bytes of a range, which lies within the content.
    func bytes(_ range: Range<Int>) throws -> Data {
        guard !range.isEmpty else { return Data() }
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: range.count, alignment: 16)
        do {
            try read(range.lowerBound, into: room)
        } catch {
            room.deallocate()
            throw error
        }
        return Data(bytesNoCopy: room.baseAddress!, count: range.count, deallocator: .custom { pointer, _ in pointer.deallocate() })
    }

    /// The first bytes, at most so many.
    func beginning(_ limit: Int) throws -> Data { try bytes(0..<min(limit, count)) }

    /// Equal for equal content.
    var digest: String {
        get throws {
            var digest = ContentDigest()
            for begin in stride(from: 0, to: count, by: 1 << 22) {
                digest.add(try bytes(begin..<min(begin + 1 << 22, count)))
            }
            return digest.finish()
        }
    }
}
