/// The alphabet in which byte-level vocabularies spell bytes: printable Latin-1 bytes stand for themselves, the
/// others for the characters from U+0100 on (Radford et al., 2019, GPT-2).
enum ByteLevelAlphabet {
    static let scalars: [Unicode.Scalar] = {
        var next: UInt32 = 0x100
        return (0..<256).map { byte in
            let printable = (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte)
            if printable { return Unicode.Scalar(UInt8(byte)) }
            defer { next += 1 }
            return Unicode.Scalar(next)!
        }
    }()
}
