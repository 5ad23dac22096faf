import CSwageSystem
package import Foundation

/// SHA-256 of content, in hexadecimal: equal for equal content, and in all likelihood for nothing else.
package struct ContentDigest {
    private var state = swage_sha256()

    package init() { swage_sha256_begin(&state) }

    package mutating func add(_ bytes: UnsafeRawBufferPointer) { swage_sha256_add(&state, bytes.baseAddress, bytes.count) }

    package mutating func add(_ data: Data) { data.withUnsafeBytes { add($0) } }

    /// Adds a text with its length, so that texts one after another are told from their sum.
    package mutating func add(_ text: String) {
        add(Data("\(text.utf8.count) \(text)".utf8))
    }

    package consuming func finish() -> String {
        var bytes = [UInt8](repeating: 0, count: 32)
        swage_sha256_end(&state, &bytes)
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    package static func of(_ data: Data) -> String {
        var digest = ContentDigest()
        digest.add(data)
        return digest.finish()
    }
}
