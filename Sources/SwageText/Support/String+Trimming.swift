/// What Python's `strip` and `split` do, which chat templates use: by code points, and not by characters.
extension String {
    func trimmedAtStart(_ isTrimmed: (Unicode.Scalar) -> Bool) -> String {
        String(unicodeScalars.drop(while: isTrimmed))
    }

    func trimmedAtEnd(_ isTrimmed: (Unicode.Scalar) -> Bool) -> String {
        var scalars = unicodeScalars[...]
        while let last = scalars.last, isTrimmed(last) { scalars.removeLast() }
        return String(scalars)
    }

    func trimmed(_ isTrimmed: (Unicode.Scalar) -> Bool) -> String { trimmedAtStart(isTrimmed).trimmedAtEnd(isTrimmed) }

    /// The parts between the places where `separator` stands, at least one.
    func parts(between separator: String) -> [String] {
        let (text, mark) = (Array(utf8), Array(separator.utf8))
        var parts: [String] = []
        var (start, index) = (0, 0)
        while index + mark.count <= text.count {
            guard text[index..<index + mark.count].elementsEqual(mark) else {
                index += 1
                continue
            }
            parts.append(String(decoding: text[start..<index], as: UTF8.self))
            index += mark.count
            start = index
        }
        return parts + [String(decoding: text[start...], as: UTF8.self)]
    }
}

extension Unicode.Scalar {
    var isLineFeed: Bool { self == "\n" }

    /// What `str.isspace` says in Python.
    var isPythonWhitespace: Bool {
        switch value {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }
}
