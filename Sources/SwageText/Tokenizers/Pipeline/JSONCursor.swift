import Swage

/// Reads JSON from front to back without making values of it, for vocabularies of hundreds of thousands of tokens.
struct JSONCursor {
    private static let maximumDepth = 200

    let bytes: UnsafeBufferPointer<UInt8>
    let file: String
    var offset = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>, file: String) {
        self.bytes = bytes
        self.file = file
    }

    func wrong(_ what: String, expected: String) -> TrainerError {
        let before = bytes[..<min(offset, bytes.count)]
        let line = before.reduce(1) { $1 == 0x0A ? $0 + 1 : $0 }
        let column = before.count - (before.lastIndex(of: 0x0A) ?? -1)
        return TrainerError(.corruptFile, "\(file), line \(line), byte \(column): \(what)", expected: expected)
    }

    @inline(__always)
    mutating func skipSpace() {
        while offset < bytes.count {
            let byte = bytes[offset]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { break }
            offset += 1
        }
    }

    /// The next byte that is no space; 0 at the end.
    @inline(__always)
    mutating func peek() -> UInt8 {
        skipSpace()
        return offset < bytes.count ? bytes[offset] : 0
    }

    @inline(__always)
    mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(ascii: byte) else { return false }
        offset += 1
        return true
    }

    mutating func expect(_ byte: Unicode.Scalar) throws {
        guard take(byte) else { throw wrong("something else than \"\(byte)\" stands here", expected: "\"\(byte)\"") }
    }

    /// Goes over the members of an object, with the cursor at each value.
    mutating func object(_ body: (_ key: String, _ cursor: inout Self) throws -> Void) throws {
        try expect("{")
        if take("}") { return }
        var seen = Set<[UInt8]>()
        repeat {
            var key: [UInt8] = []
            try string(into: &key)
            guard seen.insert(key).inserted else { throw wrong("a key comes twice", expected: "each key once") }
            try expect(":")
            skipSpace()
            try body(String(decoding: key, as: UTF8.self), &self)
        } while take(",")
        try expect("}")
    }

    /// Goes over a value, and tells where it lies. Whether it is right within is not looked at.
    mutating func skipValue() throws -> Range<Int> {
        skipSpace()
        let start = offset
        var depth = 0
        var scratch: [UInt8] = []
        repeat {
            switch peek() {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                offset += 1
                guard depth <= Self.maximumDepth else {
                    throw wrong("lists and objects lie \(depth) deep in each other", expected: "at most \(Self.maximumDepth)")
                }
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                offset += 1
            case UInt8(ascii: "\""):
                scratch.removeAll(keepingCapacity: true)
                try string(into: &scratch)
            case UInt8(ascii: ","), UInt8(ascii: ":"):
                guard depth > 0 else { throw wrong("no value stands here", expected: "one") }
                offset += 1
            case 0: throw wrong("the text ends", expected: "more of it")
            default:
                let first = offset
                while offset < bytes.count, Self.isWord(bytes[offset]) { offset += 1 }
                guard offset > first else { throw wrong("no value begins here", expected: "one") }
            }
            guard depth >= 0 else { throw wrong("a bracket closes nothing", expected: "a value") }
        } while depth > 0
        return start..<offset
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."): true
        default: false
        }
    }

    /// Appends what a text says.
    mutating func string(into result: inout [UInt8]) throws {
        try expect("\"")
        while true {
            let start = offset
            while offset < bytes.count, bytes[offset] != UInt8(ascii: "\""), bytes[offset] != UInt8(ascii: "\\"), bytes[offset] >= 0x20 {
                offset += 1
            }
            if offset > start { result.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<offset])) }
            guard offset < bytes.count, bytes[offset] >= 0x20 else {
                throw wrong("a text does not end here", expected: "a closing double quote")
            }
            offset += 1
            if bytes[offset - 1] == UInt8(ascii: "\"") { return }
            try escape(into: &result)
        }
    }

    private mutating func escape(into result: inout [UInt8]) throws {
        guard offset < bytes.count else { throw wrong("the text ends after a backslash", expected: "an escape") }
        offset += 1
        switch bytes[offset - 1] {
        case UInt8(ascii: "n"): result.append(0x0A)
        case UInt8(ascii: "t"): result.append(0x09)
        case UInt8(ascii: "r"): result.append(0x0D)
        case UInt8(ascii: "b"): result.append(0x08)
        case UInt8(ascii: "f"): result.append(0x0C)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(bytes[offset - 1])
        case UInt8(ascii: "u"):
            var value = try unit()
            if (0xD800..<0xDC00).contains(value), offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "\\"),
                bytes[offset + 1] == UInt8(ascii: "u")
            {
                offset += 2
                let low = try unit()
                value = (0xDC00..<0xE000).contains(low) ? 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00) : value
            }
            guard Unicode.Scalar(value) != nil else {
                throw wrong("an escape is half a character", expected: "both halves of a surrogate pair")
            }
            result.append(scalar: value)
        default: throw wrong("no escape stands here", expected: "one of \" \\ / b f n r t u after a backslash")
        }
    }

    private mutating func unit() throws -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard offset < bytes.count, let digit = Character(Unicode.Scalar(bytes[offset])).hexDigitValue, bytes[offset] < 0x80 else {
                throw wrong("an escape is not whole", expected: "\\u and four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            offset += 1
        }
        return value
    }

    /// An id of a token.
    mutating func id() throws -> Int32 {
        skipSpace()
        let start = offset
        var value = 0
        while offset < bytes.count, (0x30...0x39).contains(bytes[offset]), value <= Int(Int32.max) {
            value = value * 10 + Int(bytes[offset] - 0x30)
            offset += 1
        }
        let next = offset < bytes.count ? bytes[offset] : 0
        let isWhole = next != UInt8(ascii: ".") && next != UInt8(ascii: "e") && next != UInt8(ascii: "E")
        guard offset > start, isWhole, let id = Int32(exactly: value), offset - start == 1 || bytes[start] != 0x30 else {
            offset = start
            throw wrong("no id of a token stands here", expected: "a whole number of 0 or more")
        }
        return id
    }
}
