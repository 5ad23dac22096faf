import CSwageSystem
import Foundation
import SwageText

/// What a content must be, by the names that a hub gives it: SHA-256 of large files, and of others what git calls them.
struct HubChecksum: Sendable {
    /// Of the content, in hexadecimal; nil if it is not known.
    var sha256: String?
    /// Of `blob`, the size, and the content, in hexadecimal; nil if it is not known.
    var gitSHA1: String?

    var isKnown: Bool { sha256 != nil || gitSHA1 != nil }
}

/// The same of bytes that come in pieces.
struct HubDigest {
    private var sha256: ContentDigest?
    private var sha1: swage_sha1?
    private let expected: HubChecksum

    /// - Parameter size: of the whole content, in bytes.
    init(_ expected: HubChecksum, size: Int) {
        self.expected = expected
        if expected.sha256 != nil { sha256 = ContentDigest() }
        guard expected.gitSHA1 != nil else { return }
        var state = swage_sha1()
        swage_sha1_begin(&state)
        let head = Array("blob \(size)\0".utf8)
        swage_sha1_add(&state, head, head.count)
        sha1 = state
    }

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        sha256?.add(bytes)
        if sha1 != nil { swage_sha1_add(&sha1!, bytes.baseAddress, bytes.count) }
    }

    /// What differs from what was expected, in words; nil if nothing does.
    consuming func difference() -> String? {
        if let found = sha256?.finish(), found != expected.sha256 { return "SHA-256 \(found), and not \(expected.sha256 ?? "")" }
        guard var state = sha1 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 20)
        swage_sha1_end(&state, &bytes)
        let found = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return found == expected.gitSHA1 ? nil : "git's SHA-1 \(found), and not \(expected.gitSHA1 ?? "")"
    }
}
