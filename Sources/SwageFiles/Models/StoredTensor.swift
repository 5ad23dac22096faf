import Swage
import SwageText

/// Where a tensor's elements lie in a file, and how they are written.
package struct StoredTensor: Sendable, Equatable {
    package let name: String
    /// Row-major: the last axis varies fastest.
    package let shape: [Int]
    package let encoding: TensorEncoding
    /// The bytes in the file.
    package let range: Range<Int>

    package var elementCount: Int { Swage.elementCount(shape) ?? 0 }

    /// One of the tensors along the first axis, of which there are some.
    func slice(_ index: Int) -> StoredTensor {
        let bytes = range.count / shape[0]
        let begin = range.lowerBound + index * bytes
        return StoredTensor(name: name, shape: Array(shape.dropFirst()), encoding: encoding, range: begin..<begin + bytes)
    }
}

/// The tensors of a model that are written alike.
package struct StoredType: Sendable {
    package let encoding: TensorEncoding
    package private(set) var tensorCount = 0
    package private(set) var byteCount = 0

    /// What a model's tensors are written as, the type that takes most bytes first.
    static func all(of tensors: some Sequence<StoredTensor>) -> [StoredType] {
        var types: [TensorEncoding: StoredType] = [:]
        for tensor in tensors {
            types[tensor.encoding, default: StoredType(encoding: tensor.encoding)].tensorCount += 1
            types[tensor.encoding]?.byteCount += tensor.range.count
        }
        return types.values.sorted { ($1.byteCount, $0.encoding.name) < ($0.byteCount, $1.encoding.name) }
    }
}

/// A source of named weights, whatever the file format.
package protocol WeightSource: Sendable {
    /// The names under which Hugging Face stores the tensors that are there.
    var tensorNames: Set<String> { get }

    /// The shape of a tensor, or nil if it is not there.
    func shape(of name: String) -> [Int]?

    /// Writes a tensor's elements to `destination`, which has room for exactly all of them.
    func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws

    /// Whether two tensors of the same shape hold the same numbers.
    func areEqual(_ one: String, _ other: String) throws -> Bool

    /// The tensors of a type that cannot be read, each with its type. It matters only to those who ask for them.
    var unreadable: [String: String] { get }
}

extension WeightSource {
    package var unreadable: [String: String] { [:] }

    package func areEqual(_ one: String, _ other: String) throws -> Bool { try valuesAreEqual(one, other) }

    /// The same, by reading both.
    func valuesAreEqual(_ one: String, _ other: String) throws -> Bool {
        guard let shape = shape(of: one), shape == self.shape(of: other) else { return false }
        let count = try MemoryBudget.require(shape, of: Float.self, copies: 2, for: "\"\(one)\" and \"\(other)\"")
        let both = try [one, other].map { name in
            try [Float](unsafeUninitializedCapacity: count) { buffer, filled in
                try read(name, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
                filled = count
            }
        }
        return both[0] == both[1]
    }
}

extension StoredTensor {
    /// The number of bytes that a tensor of this shape takes, or nil if there can be no such tensor.
    static func byteCount(shape: [Int], encoding: TensorEncoding) -> Int? {
        guard let elements = Swage.elementCount(shape) else { return nil }
        guard elements % encoding.blockElements == 0, (shape.last ?? 1) % encoding.blockElements == 0 else { return nil }
        let (bytes, overflow) = (elements / encoding.blockElements).multipliedReportingOverflow(by: encoding.blockBytes)
        return overflow ? nil : bytes
    }

    /// Checks that tensors lie within `bounds` and share no byte.
    static func checkRanges(_ tensors: [StoredTensor], within bounds: Range<Int>, of file: PlainFile) throws {
        let sorted = tensors.filter { !$0.range.isEmpty }.sorted { $0.range.lowerBound < $1.range.lowerBound }
        for tensor in tensors where tensor.range.lowerBound < bounds.lowerBound || tensor.range.upperBound > bounds.upperBound {
            throw file.corrupt(
                "tensor \"\(tensor.name)\" takes bytes \(tensor.range)", expected: "bytes within \(bounds)")
        }
        for (tensor, next) in zip(sorted, sorted.dropFirst()) where tensor.range.upperBound > next.range.lowerBound {
            throw file.corrupt(
                "tensors \"\(tensor.name)\" and \"\(next.name)\" overlap at byte \(next.range.lowerBound)",
                expected: "tensors that share no byte")
        }
    }
}
