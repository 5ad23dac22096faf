import CSwageSystem
import Foundation
import Testing

@Suite struct ChecksumTests {
    private static let bytes = (0..<4096).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }

    /// The check value of ISO 3309's polynomial, as in the catalogues, and what Python's zlib gives for 4096 bytes.
    @Test func checksumsAreZlibs() {
        #expect(swage_crc32(0, "123456789", 9) == 0xCBF4_3926)
        #expect(swage_crc32(0, Self.bytes, Self.bytes.count) == swage_crc32_by_table(0, Self.bytes, Self.bytes.count))
        #expect(swage_crc32(0, Self.bytes, Self.bytes.count) == 0x7EBC_569C)
    }

    @Test func theProcessorsInstructionsComputeWhatTheTableDoes() {
        for start in 0..<17 {
            for count in Array(0..<300) + [1024, 2049, 4000] {
                Self.bytes.withUnsafeBytes { all in
                    let first = all.baseAddress! + start
                    let (fast, plain) = (swage_crc32(77, first, count), swage_crc32_by_table(77, first, count))
                    #expect(fast == plain, "\(count) bytes from \(start) on: \(fast) and \(plain)")
                }
            }
        }
    }

    @Test func piecesGiveTheChecksumOfTheWhole() {
        for cut in [0, 1, 63, 64, 65, 1000, 4095, 4096] {
            let pieces = Self.bytes.withUnsafeBytes { swage_crc32(swage_crc32(0, $0.baseAddress, cut), $0.baseAddress! + cut, 4096 - cut) }
            #expect(pieces == swage_crc32(0, Self.bytes, 4096), "cut at \(cut)")
        }
    }
}
