import Dispatch
import Foundation
import Swage
import Synchronization

/// Looks at every row of files once, on all cores. What is found comes in the order of the rows.
final class RowCheck: Sendable {
    /// What is known of a piece, once its rows have been looked at.
    struct Findings: Sendable {
        let file: Int
        /// How many lines and records the files before have.
        let unitsBefore: Int
        let done: Int
        /// The rows that can be used.
        var places: [RowPlace] = []
        /// The others, each with its number and what is wrong with it.
        var problems: [(number: Int, reason: String)] = []
        /// What a person may not expect, in the order in which it was found.
        var notes: [(text: String, rows: Int, number: Int)] = []
    }

    private struct Progress {
        var feed: RowFeed
        var waiting: [Int: Findings] = [:]
        var merged = 0
        /// The piece from which on nothing is looked at any more, and why.
        var end: (piece: Int, error: any Error)?
        /// The number of the piece that comes next.
        var next = 0
    }

    private let state: Mutex<Progress>
    private let look: @Sendable (Data, RowKind) throws -> [String]
    private let kinds: [RowKind]
    private let stops: Bool
    private let merge: @Sendable (Findings) throws -> Void

    /// - Parameters:
    ///   - stops: whether nothing is looked at any more beyond the first bad row.
    ///   - look: reads a row, and returns what there is to note of it.
    ///   - merge: given what was found, piece by piece in their order, one at a time.
    init(
        _ files: [(content: RowContent, kind: RowKind)], stops: Bool, look: @escaping @Sendable (Data, RowKind) throws -> [String],
        merge: @escaping @Sendable (Findings) throws -> Void
    ) {
        (self.look, self.stops, self.merge, kinds) = (look, stops, merge, files.map(\.kind))
        state = Mutex(Progress(feed: RowFeed(files)))
    }

    /// - Returns: how many lines or records each file has.
    /// - Throws: what the first bad row calls for, or ``TrainerError`` for a file that cannot be split.
    func run(cores: Int) throws -> [Int] {
        DispatchQueue.concurrentPerform(iterations: max(1, cores)) { _ in
            while lookAtNextPiece() {}
        }
        return try state.withLock { state in
            if let end = state.end { throw end.error }
            return state.feed.units
        }
    }

    private func lookAtNextPiece() -> Bool {
        let piece = state.withLock { state -> RowFeed.Piece? in
            guard state.end == nil else { return nil }
            do {
                // The thread that called has the task; the others see the end that it sets.
                if Task.isCancelled { throw CancellationError() }
                let piece = try state.feed.next()
                if let piece { state.next = piece.number + 1 }
                return piece
            } catch {
                state.end = (state.next, error)
                return nil
            }
        }
        guard let piece else { return false }
        let findings = self.findings(piece)
        return state.withLock { state in
            if stops, let problem = findings.problems.first, piece.number < state.end?.piece ?? .max {
                state.end = (piece.number, BadRow(file: piece.file, number: problem.number, reason: problem.reason))
            }
            state.waiting[piece.number] = findings
            while let next = state.waiting.removeValue(forKey: state.merged) {
                state.merged += 1
                if let end = state.end, end.piece < state.merged { break }
                do {
                    try merge(next)
                } catch {
                    state.end = (-1, error)
                    break
                }
            }
            return true
        }
    }

    /// The first row that cannot be used, where nothing is left out.
    struct BadRow: Error {
        let file: Int
        let number: Int
        let reason: String
    }

    private func findings(_ piece: RowFeed.Piece) -> Findings {
        var findings = Findings(file: piece.file, unitsBefore: piece.unitsBefore, done: piece.done)
        findings.places.reserveCapacity(piece.rows.count)
        var known: [String: Int] = [:]
        let kind = kinds[piece.file]
        for row in piece.rows {
            let start = piece.bytes.startIndex
            let bytes = piece.bytes[start + row.range.lowerBound..<start + row.range.upperBound]
            do {
                let notes = try look(bytes, kind)
                for note in notes.count > 1 ? Set(notes).sorted() : notes {
                    if let place = known[note] {
                        findings.notes[place].rows += 1
                    } else {
                        known[note] = findings.notes.count
                        findings.notes.append((note, 1, row.number))
                    }
                }
                guard let length = UInt32(exactly: row.range.count), let number = UInt32(exactly: row.number) else {
                    throw TrainerError(.invalidData, "it is beyond the \(UInt32.max) rows that a file may have", expected: "several files")
                }
                findings.places.append(
                    RowPlace(offset: piece.offset + row.range.lowerBound, hash: RowPlace.hash(bytes), length: length, number: number))
            } catch {
                findings.problems.append((row.number, Self.reason(error, bytes)))
                if stops { break }
            }
        }
        return findings
    }

    /// What is wrong with a row. Text in an older encoding is called that, whatever else it is.
    private static func reason(_ error: any Error, _ row: Data) -> String {
        guard row.isLatin1 else { return error.summary }
        return TrainerError(
            .invalidData, "the text is in Latin-1 or Windows-1252, or another encoding with one byte a letter",
            expected: "UTF-8, as iconv -f WINDOWS-1252 -t UTF-8 makes it"
        ).description
    }
}

extension Data {
    /// Whether they are no UTF-8, and are what text with one byte a letter looks like: bytes beyond ASCII stand in no sequence
    /// that UTF-8 has.
    var isLatin1: Bool {
        withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
            guard bytes.contains(where: { $0 >= 0x80 }), String(validating: bytes, as: UTF8.self) == nil else { return false }
            let text = String(decoding: bytes, as: UTF8.self)
            return !text.unicodeScalars.contains { !$0.isASCII && $0 != "\u{FFFD}" } && !bytes.contains(0)
        }
    }
}
