extension Text {
    /// Maps each code point; a text of ASCII keeps its runs as they are.
    private func mapping(ascii: (UInt8) -> UInt8, other: (Unicode.Scalar, Int) -> String) -> Text {
        if isASCII {
            var result = self
            for index in result.bytes.indices { result.bytes[index] = ascii(result.bytes[index]) }
            return result
        }
        var (result, position) = (Text(), 0)
        result.bytes.reserveCapacity(bytes.count)
        while position < bytes.count {
            let (value, length) = scalar(at: position)
            let owner = owner(at: position)
            if value < 0x80 {
                result.append(CollectionOfOne(ascii(UInt8(value))), owner: owner)
            } else if let scalar = Unicode.Scalar(value) {
                result.append(other(scalar, position), owner: owner)
            }
            position += length
        }
        return result
    }

    private static func upper(_ byte: UInt8) -> UInt8 { (97...122).contains(byte) ? byte - 32 : byte }
    private static func lower(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte + 32 : byte }

    func uppercased() -> Text { mapping(ascii: Text.upper) { scalar, _ in scalar.properties.uppercaseMapping } }

    func lowercased() -> Text { mapping(ascii: Text.lower) { scalar, position in self.lowered(scalar, position) } }

    private func lowered(_ scalar: Unicode.Scalar, _ position: Int) -> String {
        scalar.value == 0x3A3 ? (isFinalSigma(position) ? "ς" : "σ") : scalar.properties.lowercaseMapping
    }

    private func isFinalSigma(_ position: Int) -> Bool {
        var index = position
        var isCasedBefore = false
        while index > 0 {
            index = Text.before(bytes, index)
            let value = scalar(at: index).value
            if CharacterClass.properties(value)?.isCaseIgnorable ?? false { continue }
            isCasedBefore = CharacterClass.properties(value)?.isCased ?? false
            break
        }
        if !isCasedBefore { return false }
        index = position + 2
        while index < bytes.count {
            let (value, length) = scalar(at: index)
            if !(CharacterClass.properties(value)?.isCaseIgnorable ?? false) {
                return !(CharacterClass.properties(value)?.isCased ?? false)
            }
            index += length
        }
        return true
    }

    func swappedCase() -> Text {
        mapping(ascii: { Text.upper($0) == $0 ? Text.lower($0) : Text.upper($0) }) { scalar, position in
            if CharacterClass.isUpper(scalar.value) { return self.lowered(scalar, position) }
            return CharacterClass.isLower(scalar.value) ? scalar.properties.uppercaseMapping : String(scalar)
        }
    }

    /// Python's `capitalize`: the first character in title case, the others in lower case.
    func capitalized() -> Text {
        guard !isEmpty else { return self }
        return titledFirst(scalar(at: 0).length)
    }

    private func titledFirst(_ first: Int) -> Text {
        var result = Text()
        if let scalar = Unicode.Scalar(scalar(at: 0).value) {
            result.append(scalar.properties.titlecaseMapping, owner: owner(at: 0))
        }
        let lowered = lowercased()
        let head = slice(0, first).lowercased().bytes.count
        result.append(lowered, head, lowered.bytes.count)
        return result
    }

    /// Python's `title`: each letter that follows no cased character in title case.
    func titled() -> Text {
        var (result, position, isInWord) = (Text(), 0, false)
        while position < bytes.count {
            let (value, length) = scalar(at: position)
            let owner = owner(at: position)
            if let scalar = Unicode.Scalar(value) {
                result.append(isInWord ? lowered(scalar, position) : scalar.properties.titlecaseMapping, owner: owner)
            }
            isInWord = CharacterClass.isCased(value)
            position += length
        }
        return result
    }

    /// Jinja's `title`: the first character of each word in upper case, where words begin after `-`, brackets and whitespace.
    func titledWords() -> Text {
        var (result, position) = (Text(), 0)
        while position < bytes.count {
            let start = position
            while position < bytes.count, !isWordBeginning(position) { position += scalar(at: position).length }
            if position > start {
                let first = start + scalar(at: start).length
                result.append(slice(start, first).uppercased())
                result.append(slice(first, position).lowercased())
            }
            let mark = position
            while position < bytes.count, isWordBeginning(position) { position += scalar(at: position).length }
            result.append(self, mark, position)
        }
        return result
    }

    private func isWordBeginning(_ position: Int) -> Bool {
        let value = scalar(at: position).value
        return CharacterClass.isSpace(value) || [0x2D, 0x28, 0x7B, 0x5B, 0x3C].contains(value)
    }

    func satisfies(_ test: (UInt32) -> Bool) -> Bool {
        var position = 0
        while position < bytes.count {
            let (value, length) = scalar(at: position)
            if !test(value) { return false }
            position += length
        }
        return !isEmpty
    }

    var isLower: Bool { hasCase(CharacterClass.isLower) { CharacterClass.isUpper($0) || CharacterClass.isTitle($0) } }
    var isUpper: Bool { hasCase(CharacterClass.isUpper) { CharacterClass.isLower($0) || CharacterClass.isTitle($0) } }

    private func hasCase(_ wanted: (UInt32) -> Bool, without: (UInt32) -> Bool) -> Bool {
        var (position, found) = (0, false)
        while position < bytes.count {
            let (value, length) = scalar(at: position)
            if without(value) { return false }
            if wanted(value) { found = true }
            position += length
        }
        return found
    }

    var isTitle: Bool {
        var (position, found, isAfterCased) = (0, false, false)
        while position < bytes.count {
            let (value, length) = scalar(at: position)
            if CharacterClass.isUpper(value) || CharacterClass.isTitle(value) {
                if isAfterCased { return false }
                (isAfterCased, found) = (true, true)
            } else if CharacterClass.isLower(value) {
                if !isAfterCased { return false }
                found = true
            } else {
                isAfterCased = false
            }
            position += length
        }
        return found
    }
}
