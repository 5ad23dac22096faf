#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension Text {
    /// The first byte of an occurrence that lies within a range.
    func find(_ needle: [UInt8], _ low: Int = 0, _ high: Int? = nil) -> Int? {
        let high = high ?? bytes.count
        if needle.isEmpty { return low <= high ? low : nil }
        if high - low < needle.count { return nil }
        return bytes.withUnsafeBufferPointer { all in
            needle.withUnsafeBufferPointer { wanted in
                wanted.count > 16 ? Text.findLong(wanted, all, low, high) : Text.findShort(wanted, all, low, high)
            }
        }
    }

    private static func findShort(
        _ needle: UnsafeBufferPointer<UInt8>, _ bytes: UnsafeBufferPointer<UInt8>, _ low: Int, _ high: Int
    ) -> Int? {
        guard let base = bytes.baseAddress, let wanted = needle.baseAddress else { return nil }
        let last = high - needle.count
        var start = low
        while start <= last {
            guard let found = memchr(base + start, Int32(needle[0]), last - start + 1) else { return nil }
            start = UnsafeRawPointer(found) - UnsafeRawPointer(base)
            if memcmp(base + start, wanted, needle.count) == 0 { return start }
            start += 1
        }
        return nil
    }

    /// In time that grows with the text alone, by what the needle repeats of its own beginning.
    private static func findLong(
        _ needle: UnsafeBufferPointer<UInt8>, _ bytes: UnsafeBufferPointer<UInt8>, _ low: Int, _ high: Int
    ) -> Int? {
        var (borders, matched) = ([Int](repeating: 0, count: needle.count), 0)
        for index in 1..<needle.count {
            while matched > 0, needle[index] != needle[matched] { matched = borders[matched - 1] }
            if needle[index] == needle[matched] { matched += 1 }
            borders[index] = matched
        }
        matched = 0
        for index in low..<high {
            while matched > 0, bytes[index] != needle[matched] { matched = borders[matched - 1] }
            if bytes[index] == needle[matched] { matched += 1 }
            if matched == needle.count { return index + 1 - needle.count }
        }
        return nil
    }

    /// The first byte of the last occurrence within a range.
    func findLast(_ needle: [UInt8], _ low: Int = 0, _ high: Int? = nil) -> Int? {
        let high = high ?? bytes.count
        if needle.isEmpty { return low <= high ? high : nil }
        if high - low < needle.count { return nil }
        var start = high - needle.count
        if needle.count > 16 {
            return Text(bytes[low..<high].reversed()).find(needle.reversed()).map { high - $0 - needle.count }
        }
        while start >= low {
            if bytes[start] == needle[0], bytes[start..<start + needle.count].elementsEqual(needle) { return start }
            start -= 1
        }
        return nil
    }

    func hasPrefix(_ prefix: [UInt8], _ low: Int = 0, _ high: Int? = nil) -> Bool {
        let high = high ?? bytes.count
        return low <= high && high - low >= prefix.count && bytes[low..<low + prefix.count].elementsEqual(prefix)
    }

    func hasSuffix(_ suffix: [UInt8], _ low: Int = 0, _ high: Int? = nil) -> Bool {
        let high = high ?? bytes.count
        return low <= high && high - low >= suffix.count && bytes[(high - suffix.count)..<high].elementsEqual(suffix)
    }

    /// Without the characters at its ends that a test accepts.
    func stripped(left: Bool, right: Bool, _ test: (UInt32) -> Bool) -> Text {
        var (low, high) = (0, bytes.count)
        while left, low < high {
            let (value, length) = scalar(at: low)
            if !test(value) { break }
            low += length
        }
        while right, high > low {
            let start = Text.before(bytes, high)
            if !test(scalar(at: start).value) { break }
            high = start
        }
        return slice(low, high)
    }

    /// Without whitespace, or the characters of a set, at its ends.
    func stripped(left: Bool = true, right: Bool = true, of set: Text? = nil) -> Text {
        guard let set else { return stripped(left: left, right: right, CharacterClass.isSpace) }
        if set.bytes.count == 1, set.bytes[0] < 0x80 {
            let only = UInt32(set.bytes[0])
            return stripped(left: left, right: right) { $0 == only }
        }
        var (values, position) = (Set<UInt32>(), 0)
        while position < set.bytes.count {
            let (value, length) = set.scalar(at: position)
            values.insert(value)
            position += length
        }
        return stripped(left: left, right: right) { values.contains($0) }
    }

    /// With occurrences replaced, at most so many where `limit` is not negative.
    func replacing(_ old: Text, with new: Text, limit: Int = -1, room: Int) throws -> Text {
        var (result, position, left) = (Text(), 0, limit < 0 ? Int.max : limit)
        result.bytes.reserveCapacity(bytes.count)
        if old.isEmpty {
            while left > 0 {
                result.append(new)
                left -= 1
                if position >= bytes.count { return result }
                let length = scalar(at: position).length
                result.append(self, position, position + length)
                position += length
                if result.bytes.count > room { throw TemplateError.limit("a text longer than \(room) bytes") }
            }
        } else {
            while left > 0, let found = find(old.bytes, position) {
                result.append(self, position, found)
                result.append(new)
                position = found + old.bytes.count
                left -= 1
                if result.bytes.count > room { throw TemplateError.limit("a text longer than \(room) bytes") }
            }
        }
        result.append(self, position, bytes.count)
        return result
    }

    func occurrences(of needle: [UInt8], _ low: Int, _ high: Int) -> Int {
        if needle.isEmpty { return low <= high ? slice(low, high).count + 1 : 0 }
        var (position, count) = (low, 0)
        while let found = find(needle, position, high) {
            count += 1
            position = found + needle.count
        }
        return count
    }

    func joining(_ parts: [Text]) -> Text {
        var result = Text()
        result.bytes.reserveCapacity(parts.reduce(0) { $0 + $1.bytes.count + bytes.count })
        for (index, part) in parts.enumerated() {
            if index > 0 { result.append(self) }
            result.append(part)
        }
        return result
    }
}
