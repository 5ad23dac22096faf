import CSwageSystem
import Foundation
import Swage
import SwageText

/// One content on its way into the cache: into `<tag>.incomplete`, which a later fetch goes on with, and from there, once it is what it
/// must be, under its tag.
///
/// Its owner holds the content's lock.
final class HubContent {
    private let path: String
    private let incomplete: String
    private let size: Int
    private let checksum: HubChecksum
    private let question: HubQuestion
    private let descriptor: Int32
    private var digest: HubDigest
    private var count = 0

    /// - Parameters:
    ///   - path: where it will lie.
    ///   - size: in bytes.
    /// - Throws: ``TrainerError`` with code `inputOutput`.
    init(_ path: String, size: Int, checksum: HubChecksum, question: HubQuestion) throws {
        (self.path, self.size, self.checksum, self.question) = (path, size, checksum, question)
        incomplete = path + ".incomplete"
        descriptor = open(incomplete, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
        digest = HubDigest(checksum, size: size)
        guard descriptor >= 0 else { throw systemError("cannot be created", incomplete) }
    }

    deinit { close(descriptor) }

    private static let pieceBytes = 1 << 22
    private static let mostTries = 6

    /// Fetches what is missing, looks whether it is right, and gives it its name.
    /// - Parameters:
    ///   - again: says anew where it is, once the address is good no more.
    ///   - arrived: told how many bytes more are there, first of those that were there before; fewer than none where they were of no use.
    /// - Throws: ``TrainerError`` with code `corruptFile` for what is not what the hub has promised; `CancellationError`.
    func fetch(
        _ metadata: HubClient.Metadata, _ client: HubClient, again: () throws -> HubClient.Metadata, arrived: @escaping (Int) -> Void
    ) throws {
        try takeOver()
        arrived(count)
        var hasBegunInMiddle = count > 0
        while true {
            try fill(metadata, client, again, arrived)
            guard let difference = digest.difference() else { break }
            arrived(-count)
            try empty()
            // What an earlier fetch has left may be of another, or of a disk that was full.
            guard hasBegunInMiddle else {
                unlink(incomplete)
                throw TrainerError(
                    .corruptFile, "\(question.file ?? path) of \(question.repository.name) has come with \(difference)",
                    expected: "the content that the hub lists; fetched again, or from another network")
            }
            hasBegunInMiddle = false
        }
        if fsync(descriptor) != 0 { throw systemError("cannot be flushed to the disk", incomplete) }
        if rename(incomplete, path) != 0 { throw systemError("cannot be named", path) }
    }

    /// Reads again what an earlier fetch has left.
    private func takeOver() throws {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw TrainerError(.inputOutput, "\(incomplete) is no file", expected: "nothing there")
        }
        guard status.st_size > 0 else { return }
        guard Int(status.st_size) <= size else { return try empty() }
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceBytes, alignment: 64)
        defer { piece.deallocate() }
        while count < Int(status.st_size) {
            let read = pread(descriptor, piece.baseAddress!, piece.count, off_t(count))
            if read < 0, errno == EINTR { continue }
            guard read > 0 else { throw systemError("cannot be read", incomplete) }
            digest.add(UnsafeRawBufferPointer(rebasing: piece[..<read]))
            count += read
        }
    }

    private func empty() throws {
        if ftruncate(descriptor, 0) != 0 { throw systemError("cannot be emptied", incomplete) }
        count = 0
        digest = HubDigest(checksum, size: size)
    }

    /// Asks until all bytes are there; gives up once nothing comes several times in a row.
    private func fill(
        _ first: HubClient.Metadata, _ client: HubClient, _ again: () throws -> HubClient.Metadata, _ arrived: @escaping (Int) -> Void
    ) throws {
        var metadata = first
        var tries = 0
        while count < size {
            let before = count
            var reason = "only \(count) of \(size) bytes came"
            do {
                var isFirst = true
                let reply = try client.content(metadata.location, from: count, of: question) { [self] status, bytes in
                    if isFirst, status == 200, count > 0 {
                        // The server begins at the first byte, whatever it was asked.
                        arrived(-count)
                        try empty()
                    }
                    isFirst = false
                    try write(bytes)
                    arrived(bytes.count)
                }
                if reply.status == 416 {
                    arrived(-count)
                    try empty()
                }
            } catch let failure as HTTPFailure where !failure.isFinal {
                reason = failure.reason
            } catch let error as TrainerError where [.notAllowed, HubRefusal.missing, .unauthenticated].contains(error.code) && tries < 2 {
                // An address with a signature is good for a while.
                metadata = try again()
                (tries, reason) = (tries + 1, error.message)
                continue
            }
            tries = count > before ? 0 : tries + 1
            guard count < size else { return }
            guard tries < Self.mostTries else {
                throw TrainerError(
                    .connectionLost, "\(question.file ?? path) cannot be fetched: \(reason)",
                    expected: "the same command later, which goes on at byte \(count)")
            }
            try client.wait(1)
        }
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws {
        guard bytes.count <= size - count else {
            throw TrainerError(
                .corruptFile,
                "\(question.file ?? path) of \(question.repository.name) comes with more than the \(size) bytes that the hub lists")
        }
        var written = 0
        while written < bytes.count {
            let result = pwrite(descriptor, bytes.baseAddress! + written, bytes.count - written, off_t(count + written))
            if result < 0, errno == EINTR { continue }
            guard result > 0 else { throw systemError("cannot be written", incomplete) }
            written += result
        }
        digest.add(bytes)
        count += bytes.count
        if count / (1 << 25) != (count - bytes.count) / (1 << 25) { swage_start_flushing(descriptor) }
    }
}
