import Foundation
import Swage

/// Lays down what cannot be read again as it stands, so that rows can be drawn from it in any order.
enum Unpacking {
    /// - Throws: ``TrainerError`` with code `corruptFile` for a damaged file, and `tooLarge` where the disk is full.
    static func gzip(_ content: RowContent, into spool: Spool, progress: (Int) throws -> Void) throws -> RowContent {
        let range = try spool.add(content.path) { put in
            try withoutActuallyEscaping(put) { put in
                try withoutActuallyEscaping(progress) { progress in
                    try Inflater.inflate(content) { bytes, bytesRead in
                        try Task.checkCancellation()
                        try put(bytes)
                        try progress(bytesRead)
                    }
                }
            }
        }
        return RowContent(path: content.path, spool, range)
    }

    /// What errors call it.
    static let standardInputName = "standard input"

    /// - Throws: ``TrainerError`` with code `inputOutput` if nothing is piped in, or it cannot be read.
    static func standardInput(_ descriptor: Int32, into spool: Spool) throws -> RowContent {
        guard isatty(descriptor) == 0 else {
            throw TrainerError(.inputOutput, "- is the terminal", expected: "data that is piped in, as in zcat chats.jsonl.gz | swage …")
        }
        let range = try spool.add(standardInputName) { put in
            let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
            defer { room.deallocate() }
            while true {
                let count = Foundation.read(descriptor, room.baseAddress!, room.count)
                if count == 0 { return }
                if count < 0 {
                    if errno == EINTR { continue }
                    throw TrainerError(.inputOutput, "\(standardInputName) cannot be read: \(String(cString: strerror(errno)))")
                }
                try Task.checkCancellation()
                try put(UnsafeRawBufferPointer(rebasing: room[..<count]))
            }
        }
        return RowContent(path: standardInputName, spool, range)
    }
}
