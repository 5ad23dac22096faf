extension Text {
    /// Python's `split` at a separator.
    func split(_ separator: Text, limit: Int) -> [Text] {
        var (parts, position, left) = ([Text](), 0, limit < 0 ? Int.max : limit)
        while left > 0, let found = find(separator.bytes, position) {
            parts.append(slice(position, found))
            position = found + separator.bytes.count
            left -= 1
        }
        parts.append(slice(position, bytes.count))
        return parts
    }

    /// Python's `rsplit` at a separator.
    func splitFromEnd(_ separator: Text, limit: Int) -> [Text] {
        var (parts, position, left) = ([Text](), bytes.count, limit < 0 ? Int.max : limit)
        while left > 0, let found = findLast(separator.bytes, 0, position) {
            parts.append(slice(found + separator.bytes.count, position))
            position = found
            left -= 1
        }
        parts.append(slice(0, position))
        return parts.reversed()
    }

    /// Python's `split` at whitespace.
    func splitAtSpace(limit: Int) -> [Text] {
        var (parts, position, left) = ([Text](), 0, limit < 0 ? Int.max : limit)
        while true {
            position = skip(position, CharacterClass.isSpace)
            if position >= bytes.count { return parts }
            if left == 0 {
                parts.append(slice(position, bytes.count))
                return parts
            }
            let end = skip(position) { !CharacterClass.isSpace($0) }
            parts.append(slice(position, end))
            position = end
            left -= 1
        }
    }

    /// Python's `rsplit` at whitespace.
    func splitAtSpaceFromEnd(limit: Int) -> [Text] {
        var (parts, position, left) = ([Text](), bytes.count, limit < 0 ? Int.max : limit)
        while true {
            position = skipBack(position, CharacterClass.isSpace)
            if position <= 0 { return parts.reversed() }
            if left == 0 {
                parts.append(slice(0, position))
                return parts.reversed()
            }
            let start = skipBack(position) { !CharacterClass.isSpace($0) }
            parts.append(slice(start, position))
            position = start
            left -= 1
        }
    }

    private func skip(_ from: Int, _ test: (UInt32) -> Bool) -> Int {
        var position = from
        while position < bytes.count {
            let (value, length) = scalar(at: position)
            if !test(value) { break }
            position += length
        }
        return position
    }

    private func skipBack(_ from: Int, _ test: (UInt32) -> Bool) -> Int {
        var position = from
        while position > 0 {
            let start = Text.before(bytes, position)
            if !test(scalar(at: start).value) { break }
            position = start
        }
        return position
    }

    /// Python's `splitlines`.
    func lines(keepingEnds: Bool = false) -> [Text] {
        var (parts, position, start) = ([Text](), 0, 0)
        while position < bytes.count {
            let (value, length) = scalar(at: position)
            let end = position
            position += length
            if !CharacterClass.isLineBreak(value) { continue }
            if value == 13, position < bytes.count, bytes[position] == 10 { position += 1 }
            parts.append(slice(start, keepingEnds ? position : end))
            start = position
        }
        if start < bytes.count { parts.append(slice(start, bytes.count)) }
        return parts
    }

    /// Filled up with a character to a width, by so many on the left and the rest on the right.
    func padded(left: Int, right: Int, with fill: Text) -> Text {
        var result = Text()
        for _ in 0..<max(0, left) { result.append(fill) }
        result.append(self)
        for _ in 0..<max(0, right) { result.append(fill) }
        return result
    }
}
