import Swage

/// Reads a message of Protocol Buffers field by field, and trusts nothing it says.
struct ProtocolBufferReader {
    enum Value {
        case integer(UInt64)
        case bits32(UInt32)
        case bits64(UInt64)
        case bytes(ArraySlice<UInt8>)
    }

    private var rest: ArraySlice<UInt8>
    private let file: String

    init(_ bytes: ArraySlice<UInt8>, file: String) {
        rest = bytes
        self.file = file
    }

    /// The next field; nil at the end.
    mutating func next() throws -> (number: Int, value: Value)? {
        if rest.isEmpty { return nil }
        let key = try integer()
        guard key >> 3 > 0, let number = Int(exactly: key >> 3), number < 1 << 29 else {
            throw corrupt("a field has the number \(key >> 3)")
        }
        switch key & 7 {
        case 0: return (number, .integer(try integer()))
        case 1: return (number, .bits64(try bits(8)))
        case 2:
            guard let count = Int(exactly: try integer()), count <= rest.count else {
                throw corrupt("the field \(number) is longer than what is left")
            }
            defer { rest = rest.dropFirst(count) }
            return (number, .bytes(rest.prefix(count)))
        case 5: return (number, .bits32(UInt32(truncatingIfNeeded: try bits(4))))
        default: throw corrupt("the field \(number) is of kind \(key & 7)")
        }
    }

    private func corrupt(_ what: String) -> TrainerError {
        TrainerError(.corruptFile, "\(file): at byte \(rest.startIndex), \(what)", expected: "a message of Protocol Buffers")
    }

    private mutating func integer() throws -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = rest.popFirst() else { throw corrupt("the file ends within a number") }
            if shift < 64 { value |= UInt64(byte & 0x7F) << shift }
            if byte < 0x80 { return value }
        }
        throw corrupt("a number does not end")
    }

    private mutating func bits(_ count: Int) throws -> UInt64 {
        guard rest.count >= count else { throw corrupt("the file ends within a number") }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension ProtocolBufferReader.Value {
    func flag(_ what: @autoclosure () -> TrainerError) throws -> Bool {
        guard case .integer(let value) = self else { throw what() }
        return value != 0
    }

    func integer(_ what: @autoclosure () -> TrainerError) throws -> Int {
        // Numbers below zero are written as of 64 bits.
        guard case .integer(let value) = self else { throw what() }
        return Int(Int32(truncatingIfNeeded: value))
    }

    func bytes(_ what: @autoclosure () -> TrainerError) throws -> ArraySlice<UInt8> {
        guard case .bytes(let value) = self else { throw what() }
        return value
    }

    func number(_ what: @autoclosure () -> TrainerError) throws -> Float {
        guard case .bits32(let value) = self else { throw what() }
        return Float(bitPattern: value)
    }
}
