import CSwageSystem
import Foundation
import SwageText
import Testing
import TestSupport

@Suite struct ContentDigestTests {
    /// From FIPS 180-4's examples and NIST's test vectors.
    private static let known: [(text: Data, digest: String)] = [
        (Data(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (Data("abc".utf8), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            Data("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (Data(repeating: UInt8(ascii: "a"), count: 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ]

    @Test func digestsAreSHA256() {
        for (text, digest) in Self.known { #expect(ContentDigest.of(text) == digest, "\(text.count) bytes") }
    }

    @Test func piecesGiveTheDigestOfTheWhole() {
        var random = RandomNumbers(seed: 5)
        let whole = Data((0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        for _ in 0..<20 {
            var digest = ContentDigest()
            var rest = whole
            while !rest.isEmpty {
                let count = min(rest.count, random.size(0...200))
                digest.add(Data(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            #expect(digest.finish() == ContentDigest.of(whole))
        }
    }

    @Test func theProcessorsInstructionsComputeWhatPlainCDoes() {
        let blocks = (0..<64 * 9).map { UInt8(truncatingIfNeeded: $0 &* 73 &+ 5) }
        var plain: [UInt32] = [1, 2, 3, 4, 5, 6, 7, 8]
        var fast = plain
        swage_sha256_blocks(&plain, blocks, 9)
        // A processor without them has nothing to compare.
        guard swage_sha256_blocks_fast(&fast, blocks, 9) != 0 else { return }
        #expect(plain == fast)
    }
}
