/// UTF-8 text, and whose each of its characters is.
struct Text: Sendable {
    /// Where a run ends, and whose it is.
    struct Run: Sendable {
        var end: Int
        var owner: Int32
    }

    var bytes: [UInt8]
    /// The owner of all of it, where there are no runs.
    var owner: Int32
    /// Runs by their ends, over all of the bytes; none for a text with one owner.
    var runs: [Run]
    /// Whether this is what `safe` and `escape` make: text that escapes what it is put together with.
    var isMarkup = false

    init(_ bytes: [UInt8] = [], owner: Int32 = Rendering.template, runs: [Run] = []) {
        self.bytes = bytes
        self.owner = owner
        self.runs = runs
    }

    init(_ string: String, owner: Int32 = Rendering.template) {
        self.init(Array(string.utf8), owner: owner)
    }

    func asMarkup(_ isMarkup: Bool = true) -> Text {
        if self.isMarkup == isMarkup { return self }
        var result = self
        result.isMarkup = isMarkup
        return result
    }

    var isEmpty: Bool { bytes.isEmpty }
    var string: String { String(decoding: bytes, as: UTF8.self) }

    /// Code points, as Python counts.
    var count: Int {
        var count = 0
        for byte in bytes where byte & 0xC0 != 0x80 { count &+= 1 }
        return count
    }

    var isASCII: Bool { bytes.allSatisfy { $0 < 0x80 } }

    mutating func append(_ other: Text) {
        if other.bytes.isEmpty { return }
        if bytes.isEmpty { owner = other.owner }
        if runs.isEmpty, other.runs.isEmpty, owner == other.owner {
            bytes.append(contentsOf: other.bytes)
            return
        }
        append(other, 0, other.bytes.count)
    }

    /// Appends the bytes of a range with their owners.
    mutating func append(_ other: Text, _ low: Int, _ high: Int) {
        if low >= high { return }
        if other.runs.isEmpty {
            beginRun(other.owner)
            bytes.append(contentsOf: other.bytes[low..<high])
            endRun(other.owner)
            return
        }
        for (index, run) in other.runs.enumerated() {
            let (from, to) = (max(low, index == 0 ? 0 : other.runs[index - 1].end), min(high, run.end))
            if from >= to { continue }
            beginRun(run.owner)
            bytes.append(contentsOf: other.bytes[from..<to])
            endRun(run.owner)
        }
    }

    mutating func append(_ added: some Collection<UInt8>, owner: Int32) {
        if added.isEmpty { return }
        beginRun(owner)
        bytes.append(contentsOf: added)
        endRun(owner)
    }

    mutating func append(_ string: StaticString) {
        string.withUTF8Buffer { append($0, owner: Rendering.template) }
    }

    mutating func append(_ string: String, owner: Int32 = Rendering.template) {
        append(string.utf8, owner: owner)
    }

    private mutating func beginRun(_ added: Int32) {
        if bytes.isEmpty {
            owner = added
        } else if runs.isEmpty, owner != added {
            runs.append(Run(end: bytes.count, owner: owner))
        }
    }

    private mutating func endRun(_ added: Int32) {
        guard let last = runs.last else { return }
        if last.owner == added {
            runs[runs.count - 1].end = bytes.count
        } else {
            runs.append(Run(end: bytes.count, owner: added))
        }
    }

    /// The bytes of a range with their owners.
    func slice(_ low: Int, _ high: Int) -> Text {
        if low >= high { return Text([], owner: owner) }
        if low == 0, high == bytes.count { return self }
        if runs.isEmpty { return Text(Array(bytes[low..<high]), owner: owner) }
        var result = Text()
        result.append(self, low, high)
        return result
    }

    /// Whose the character is that begins at a byte.
    func owner(at index: Int) -> Int32 {
        if runs.isEmpty { return owner }
        return runs.first { index < $0.end }?.owner ?? owner
    }

    /// The code point at a byte, and how many bytes it takes.
    func scalar(at index: Int) -> (value: UInt32, length: Int) { Text.scalar(bytes, index) }

    static func scalar(_ bytes: [UInt8], _ index: Int) -> (value: UInt32, length: Int) {
        let first = UInt32(bytes[index])
        if first < 0x80 { return (first, 1) }
        if first < 0xE0 { return ((first & 0x1F) << 6 | UInt32(bytes[index + 1] & 0x3F), 2) }
        let second = UInt32(bytes[index + 1] & 0x3F), third = UInt32(bytes[index + 2] & 0x3F)
        if first < 0xF0 { return ((first & 0x0F) << 12 | second << 6 | third, 3) }
        return ((first & 0x07) << 18 | second << 12 | third << 6 | UInt32(bytes[index + 3] & 0x3F), 4)
    }

    /// Where the code point begins that ends before a byte.
    static func before(_ bytes: [UInt8], _ index: Int) -> Int {
        var start = index - 1
        while start > 0, bytes[start] & 0xC0 == 0x80 { start -= 1 }
        return start
    }

    /// The byte at which a code point begins, or the end.
    func offset(of index: Int) -> Int {
        var (position, left) = (0, index)
        while left > 0, position < bytes.count {
            position += scalar(at: position).length
            left -= 1
        }
        return position
    }

    /// Each code point as a text.
    func characters() -> [Text] {
        var (result, position) = ([Text](), 0)
        while position < bytes.count {
            let length = scalar(at: position).length
            result.append(Text(Array(bytes[position..<position + length]), owner: owner(at: position)))
            position += length
        }
        return result
    }
}

extension Text: Hashable {
    static func == (left: Text, right: Text) -> Bool { left.bytes == right.bytes }
    func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
}

extension Text {
    /// The bytes with the decimal digits of all scripts as those of ASCII, as Python reads numbers.
    var plainDigits: [UInt8] {
        guard bytes.contains(where: { $0 >= 0x80 }) else { return bytes }
        let scalars = string.unicodeScalars.map { scalar -> Unicode.Scalar in
            guard scalar.properties.generalCategory == .decimalNumber, let value = scalar.properties.numericValue else { return scalar }
            return Unicode.Scalar(UInt8(0x30 + Int(value)))
        }
        return Array(String(String.UnicodeScalarView(scalars)).utf8)
    }
}
