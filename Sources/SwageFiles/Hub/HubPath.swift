/// Names that a server or a person gives, and that become files here: whether they stay where they are put.
enum HubPath {
    /// Whether a file's path leads nowhere but into the folder that it is relative to, on any system.
    static func isInside(_ path: String) -> Bool {
        guard path.utf8.count <= 1024, isPrintable(path), !path.contains("\\"), !path.contains(":") else { return false }
        return path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { name in
            !name.isEmpty && name != "." && name != ".." && name.utf8.count <= 255
        }
    }

    /// Whether a path is meant to lead out of a folder. Of other paths that are not ``isInside(_:)`` a repository may have some; they are
    /// never fetched.
    static func leadsOut(_ path: String) -> Bool {
        path.hasPrefix("/") || path.split(whereSeparator: { $0 == "/" || $0 == "\\" }).contains("..") || path.contains("\0")
    }

    /// Whether a revision is one that git could have, and a path below `refs` here.
    static func isRevision(_ text: String) -> Bool {
        guard isInside(text), text.utf8.count <= 255, !text.contains(".."), !text.contains("@{") else { return false }
        guard !text.unicodeScalars.contains(where: { " ~^?*[".unicodeScalars.contains($0) }) else { return false }
        return text.split(separator: "/").allSatisfy { !$0.hasPrefix(".") && !$0.hasSuffix(".lock") && !$0.hasPrefix("-") }
    }

    /// Whether a text is a whole commit: 40 digits, as git writes them.
    static func isCommit(_ text: String) -> Bool { isHexadecimal(text, 40) }

    /// Whether a text is so many hexadecimal digits, in small letters.
    static func isHexadecimal(_ text: String, _ count: Int) -> Bool {
        text.utf8.count == count && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// Whether a tag that a server gives to a content can be the name of a file.
    static func isTag(_ text: String) -> Bool {
        guard 1...200 ~= text.utf8.count, !text.hasPrefix(".") else { return false }
        return text.utf8.allSatisfy { letter in
            (0x30...0x39).contains(letter) || (0x41...0x5A).contains(letter) || (0x61...0x7A).contains(letter)
                || [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ".")].contains(letter)
        }
    }

    private static func isPrintable(_ text: String) -> Bool {
        !text.isEmpty && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
    }

    /// A text as a part of an address; slashes stay where `keepsSlashes`.
    static func escaped(_ text: String, keepsSlashes: Bool = false) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "~"):
                bytes.append(byte)
            case UInt8(ascii: "/") where keepsSlashes: bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
