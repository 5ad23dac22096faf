package import Foundation
import Swage

extension JSONValue {
    /// Reads one value of JSON, by RFC 8259 to the letter: UTF-8, no key twice, nothing after the value.
    ///
    /// Takes time and memory by the length of the text.
    /// - Parameter file: what an error names, with line and column; nil for a text that is one line of a file.
    /// - Throws: ``TrainerError`` with code `corruptFile`, or `invalidData` for a line.
    package init(json: Data, file: String? = nil) throws {
        self = try json.withUnsafeBytes { bytes in
            var reader = JSONReader(bytes.bindMemory(to: UInt8.self))
            defer { reader.spelled?.deallocate() }
            do {
                return try reader.document()
            } catch let failure as JSONReader.Failure {
                let problem = "\(failure.problem)\(failure.expected.map { "; expected \($0)" } ?? "")"
                guard let file else {
                    throw TrainerError(.invalidData, "no JSON: byte \(failure.offset + 1): \(problem)")
                }
                let before = bytes[..<failure.offset]
                let line = before.reduce(1) { $1 == 0x0A ? $0 + 1 : $0 }
                let column = failure.offset - (before.lastIndex(of: 0x0A) ?? -1)
                throw TrainerError(.corruptFile, "\(file), line \(line), byte \(column): \(problem)")
            }
        }
    }
}

/// Reads JSON from front to back.
private struct JSONReader {
    struct Failure: Error {
        let offset: Int
        let problem: String
        var expected: String?
    }

    /// Deeper texts could use up the stack.
    private static let maximumDepth = 200

    private let bytes: UnsafeBufferPointer<UInt8>
    private var offset = 0
    /// Where texts with escapes are put together. No text is longer than what spells it.
    fileprivate var spelled: UnsafeMutablePointer<UInt8>?

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    mutating func document() throws -> JSONValue {
        skipSpace()
        let value = try value(depth: 0)
        skipSpace()
        guard offset == bytes.count else { throw failure("\(found) follows the value", expected: "the end") }
        return value
    }

    private mutating func value(depth: Int) throws -> JSONValue {
        guard offset < bytes.count else { throw failure("the text ends", expected: "a value") }
        switch bytes[offset] {
        case UInt8(ascii: "{"): return .object(try object(depth: depth + 1))
        case UInt8(ascii: "["): return .list(try list(depth: depth + 1))
        case UInt8(ascii: "\""): return .text(try string())
        case UInt8(ascii: "t"): return try word("true", .flag(true))
        case UInt8(ascii: "f"): return try word("false", .flag(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        default: throw failure("\(found) begins no value", expected: "a value of JSON")
        }
    }

    private mutating func object(depth: Int) throws -> JSONObject {
        try enter(depth)
        let start = offset
        var members: [JSONObject.Member] = []
        if take(UInt8(ascii: "}")) { return JSONObject() }
        repeat {
            let (_, key) = try key()
            members.append(.init(key: key, value: try value(depth: depth)))
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw failure("\(found) follows a member of an object", expected: "a comma or }") }
        if let twice = Self.repeated(members) {
            // Only now does it matter where keys stand.
            offset = start
            for _ in 0..<twice {
                _ = try key()
                _ = try value(depth: depth)
                skipSpace()
                _ = take(UInt8(ascii: ","))
            }
            let (place, key) = try key()
            throw Failure(offset: place, problem: "the key \"\(key.beginning(60))\" comes twice", expected: "each key once")
        }
        return JSONObject(members)
    }

    /// A key with its colon, and where it stands.
    private mutating func key() throws -> (place: Int, key: String) {
        skipSpace()
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else {
            throw failure("\(found) stands where a key should", expected: "a key in double quotes")
        }
        let place = offset
        let key = try string()
        skipSpace()
        guard take(UInt8(ascii: ":")) else { throw failure("\(found) follows the key \"\(key.beginning(60))\"", expected: "a colon") }
        skipSpace()
        return (place, key)
    }

    /// The place of the first key that was there before.
    private static func repeated(_ members: [JSONObject.Member]) -> Int? {
        if members.count <= 8 {
            for index in members.indices.dropFirst() {
                for earlier in 0..<index where members[earlier].key.hasSameBytes(as: members[index].key) { return index }
            }
            return nil
        }
        var seen = Set<Spelling>(minimumCapacity: members.count)
        return members.firstIndex { !seen.insert(Spelling(text: $0.key)).inserted }
    }

    private mutating func list(depth: Int) throws -> [JSONValue] {
        try enter(depth)
        if take(UInt8(ascii: "]")) { return [] }
        var values: [JSONValue] = []
        repeat {
            skipSpace()
            values.append(try value(depth: depth))
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw failure("\(found) follows a value of a list", expected: "a comma or ]") }
        return values
    }

    private mutating func enter(_ depth: Int) throws {
        guard depth <= Self.maximumDepth else {
            throw failure("lists and objects lie \(depth) deep in each other", expected: "at most \(Self.maximumDepth)")
        }
        offset += 1
        skipSpace()
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws -> JSONValue {
        for index in 0..<word.utf8CodeUnitCount {
            guard offset + index < bytes.count, bytes[offset + index] == word.utf8Start[index] else {
                throw failure("\(found) begins no value", expected: "a value of JSON, such as \(word)")
            }
        }
        offset += word.utf8CodeUnitCount
        return value
    }

    private mutating func number() throws -> JSONNumber {
        let start = offset
        _ = take(UInt8(ascii: "-"))
        let leadsWithZero = offset < bytes.count && bytes[offset] == UInt8(ascii: "0")
        let whole = digits()
        var isRight = whole == 1 || (whole > 1 && !leadsWithZero)
        if take(UInt8(ascii: ".")) { isRight = digits() > 0 && isRight }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            isRight = digits() > 0 && isRight
        }
        let literal = String(decoding: bytes[start..<offset], as: UTF8.self)
        guard isRight else {
            throw Failure(offset: start, problem: "\"\(literal.beginning(40))\" is no number of JSON", expected: "one such as 0, -1.5 or 2e-5")
        }
        return JSONNumber(literal: literal)
    }

    private mutating func digits() -> Int {
        let start = offset
        while offset < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[offset]) { offset += 1 }
        return offset - start
    }

    private mutating func string() throws -> String {
        let start = offset
        // Most texts have no escapes and are taken over as they stand.
        offset = bytes.firstOfText(from: start + 1)
        if offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") {
            defer { offset += 1 }
            return try text(UnsafeBufferPointer(rebasing: bytes[start + 1..<offset]), from: start)
        }
        let room = spelled ?? .allocate(capacity: max(4, bytes.count))
        spelled = room
        var count = offset - start - 1
        if count > 0 { room.update(from: bytes.baseAddress! + start + 1, count: count) }
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                offset += 1
                return try text(UnsafeBufferPointer(start: room, count: count), from: start)
            case UInt8(ascii: "\\"): try appendEscape(to: room, &count)
            case ..<0x20: throw failure("\(found) stands in a text", expected: "it as an escape, such as \\n")
            default:
                let end = bytes.firstOfText(from: offset)
                (room + count).update(from: bytes.baseAddress! + offset, count: end - offset)
                count += end - offset
                offset = end
            }
        }
        throw Failure(offset: start, problem: "a text begins here and does not end", expected: "a closing double quote")
    }

    private func text(_ utf8: UnsafeBufferPointer<UInt8>, from start: Int) throws -> String {
        // Most texts are, and need no closer look.
        if utf8.isASCII { return String(decoding: utf8, as: UTF8.self) }
        guard let text = String(validating: utf8, as: UTF8.self) else {
            throw Failure(offset: start, problem: "the text that begins here is no UTF-8", expected: "UTF-8")
        }
        return text
    }

    /// What an escape of one letter stands for, by the letter; 0 for those that are none.
    private static let escapes: [UInt8] = (0...255).map { letter in
        switch UInt8(letter) {
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "t"): 0x09
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): UInt8(letter)
        default: 0
        }
    }

    private mutating func appendEscape(to room: UnsafeMutablePointer<UInt8>, _ count: inout Int) throws {
        let start = offset
        offset += 1
        guard offset < bytes.count else { throw failure("the text ends after a backslash", expected: "an escape") }
        let plain = Self.escapes[Int(bytes[offset])]
        if plain != 0 {
            room[count] = plain
            (count, offset) = (count + 1, offset + 1)
            return
        }
        guard bytes[offset] == UInt8(ascii: "u") else {
            throw failure("\(found) follows a backslash", expected: "one of \" \\ / b f n r t u")
        }
        var scalar = UInt32(try unit(start))
        if (0xD800..<0xDC00).contains(scalar), offset + 2 < bytes.count, bytes[offset + 1] == UInt8(ascii: "\\"),
            bytes[offset + 2] == UInt8(ascii: "u")
        {
            offset += 2
            let low = UInt32(try unit(start))
            scalar = (0xDC00..<0xE000).contains(low) ? 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00) : scalar
        }
        guard let scalar = Unicode.Scalar(scalar) else {
            throw Failure(offset: start, problem: "the escape here is half a character", expected: "both halves of a surrogate pair")
        }
        for byte in UTF8.encode(scalar)! {
            room[count] = byte
            count += 1
        }
        offset += 1
    }

    /// The four hexadecimal digits after the `u` at `offset`, which ends at the last of them.
    private mutating func unit(_ start: Int) throws -> UInt16 {
        var unit: UInt16 = 0
        for place in offset + 1..<offset + 5 {
            let byte = place < bytes.count ? bytes[place] : 0
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw Failure(offset: start, problem: "an escape is not whole", expected: "\\u and four hexadecimal digits")
            }
            unit = unit << 4 | UInt16(digit)
        }
        offset += 4
        return unit
    }

    private mutating func skipSpace() {
        while offset < bytes.count {
            let byte = bytes[offset]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { break }
            offset += 1
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard offset < bytes.count, bytes[offset] == byte else { return false }
        offset += 1
        return true
    }

    private func failure(_ problem: String, expected: String) -> Failure {
        Failure(offset: offset, problem: problem, expected: expected)
    }

    /// What stands at `offset`, in words.
    private var found: String {
        offset < bytes.count ? bytes[offset].inWords : "the end"
    }
}
