import Foundation
import Swage

/// Opens what takes the place of standard descriptors that were closed, so that no file gets their numbers and is written
/// into. What is written to them fails, as it would have.
func occupyStandardDescriptors() {
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
        // The lowest that is free, which this one is.
        _ = open("/dev/null", O_RDONLY)
    }
}

/// Writes to standard output, as nothing else does.
/// - Parameter copy: where the same can be read, if anywhere.
/// - Throws: ``Swage/TrainerError`` with code `inputOutput` if not all of it can be written; ``ReaderIsGone`` where nobody reads on.
func writeToStandardOutput(_ text: String, copy: String? = nil) throws {
    guard let error = write(text, to: STDOUT_FILENO) else { return }
    if error == EPIPE { throw ReaderIsGone() }
    throw TrainerError(
        .inputOutput, "standard output cannot be written: \(String(cString: strerror(error)))",
        expected: copy.map { "a place for the result, which \($0) holds as well" })
}

/// Prints a line of a result.
/// - Throws: as ``writeToStandardOutput(_:copy:)``.
func printLine(_ text: String, copy: String? = nil) throws { try writeToStandardOutput(text + "\n", copy: copy) }

/// Prints an object on one line of standard output.
/// - Throws: as ``writeToStandardOutput(_:copy:)``.
func printAsJSON(_ object: [String: Any], copy: String? = nil) throws {
    try printLine(String(decoding: jsonLine(object), as: UTF8.self), copy: copy)
}

/// Writes what a person should see and a pipe should not, as nothing else writes to standard error. What cannot be written
/// is lost: nobody's work ends because nobody reads of it.
func writeToStandardError(_ text: String) { _ = write(text, to: STDERR_FILENO) }

/// Standard error, for logs.
struct StandardErrorStream: TextOutputStream, Sendable {
    mutating func write(_ text: String) { writeToStandardError(text) }
}

/// Whoever reads has seen enough, as `head` has: no error, and no work for anybody.
struct ReaderIsGone: Error {
    /// What a program ends with that the system ends for it: 128 and the number of the signal.
    static let exitCode = 128 + SIGPIPE
}

/// The number of the system's error if not all of the text can be written.
private func write(_ text: String, to descriptor: Int32) -> Int32? {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let written = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress!, $0.count) }
        if written >= 0 {
            rest = rest.dropFirst(written)
        } else if errno == EAGAIN {
            // Whoever gave us the descriptor does not wait for it; we do.
            var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            poll(&waiting, 1, -1)
        } else if errno != EINTR {
            return errno
        }
    }
    return nil
}
