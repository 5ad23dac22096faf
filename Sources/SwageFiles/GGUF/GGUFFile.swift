import Foundation
import Swage
import SwageText

/// A model in GGUF, in one file or in the files that it was split into: metadata by key, and tensors.
package struct GGUFFile: Sendable {
    package let version: UInt32
    package let metadata: [String: GGUFValue]
    package let tensors: [String: StoredTensor]
    /// The file that was named, or the first one of a split model.
    let file: PlainFile
    /// All files of the model, in order.
    let paths: [String]
    private let fileOfTensor: [String: PlainFile]

    /// The tensor that holds Llama 3's divisors of the rotary frequencies.
    static let ropeFactors = "rope_freqs.weight"

    /// The tensors that say how frequencies are stretched.
    static let ropeTensors = [ropeFactors, "rope_factors_short.weight", "rope_factors_long.weight"]

    /// - Throws: ``TrainerError`` with code `corruptFile` if a file is truncated or its parts do not hold,
    ///   `unsupported` for a version or a tensor type that is not known, and `inputOutput` for a part that is missing.
    package init(path: String) throws {
        let named = try GGUFPart(path: path)
        let first = try named.isOneOfSeveral && named.number != 0 ? named.other(0) : named
        var tensors = first.tensors
        var files = tensors.mapValues { _ in first.file }
        var paths = [first.file.path]
        for number in 1..<max(1, try first.partCount) {
            let part = try first.other(number)
            guard try part.number == number, try part.partCount == first.partCount else {
                throw part.file.corrupt("the file calls itself another part than its name", expected: "part \(number + 1) of \(try first.partCount)")
            }
            paths.append(part.file.path)
            for (name, tensor) in part.tensors {
                guard tensors.updateValue(tensor, forKey: name) == nil else {
                    throw part.file.corrupt("the tensor \"\(name)\" is in another part as well")
                }
                files[name] = part.file
            }
        }
        if let count = first.metadata["split.tensors.count"]?.integer, count != tensors.count {
            throw first.file.corrupt("the parts have \(tensors.count) tensors together", expected: "\(count), as the first part says")
        }
        (version, metadata, file) = (first.version, first.metadata, first.file)
        (self.tensors, fileOfTensor, self.paths) = (tensors, files, paths)
    }

    /// The elements of a tensor, in row-major order.
    package func values(of tensor: StoredTensor) throws -> [Float] {
        try MemoryBudget.require([tensor.elementCount], of: Float.self, for: "tensor \"\(tensor.name)\" of \(file.path)")
        return try [Float](unsafeUninitializedCapacity: tensor.elementCount) { buffer, count in
            count = tensor.elementCount
            try read(tensor, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
        }
    }

    /// Writes a tensor's elements to `destination`, which has room for exactly all of them.
    func read(_ tensor: StoredTensor, into destination: UnsafeMutableBufferPointer<Float>) throws {
        try (fileOfTensor[tensor.name] ?? file).read(tensor, into: destination)
    }

    /// The metadata under `key`, or an error that names it.
    func required<Value>(_ key: String, _ read: (GGUFValue) -> Value?) throws -> Value {
        guard let value = try optional(key, read) else { throw file.corrupt("the metadata has no \"\(key)\"") }
        return value
    }

    /// The metadata under `key`, or an error if it is of another type.
    func optional<Value>(_ key: String, _ read: (GGUFValue) -> Value?) throws -> Value? {
        guard let value = metadata[key] else { return nil }
        guard let result = read(value) else {
            throw file.corrupt("the metadata under \"\(key)\" is \(value.summary), of another type than is read here")
        }
        return result
    }
}

extension GGUFPart {
    /// The most files that a model may be split into.
    private static let maximumParts = 9999

    fileprivate var isOneOfSeveral: Bool { get throws { try partCount > 1 } }

    fileprivate var partCount: Int { get throws { try count("split.count", in: 0...Self.maximumParts) ?? 1 } }

    /// Which part this is, from 0 on.
    fileprivate var number: Int { get throws { try count("split.no", in: 0...Self.maximumParts) ?? 0 } }

    private func count(_ key: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let value = metadata[key] else { return nil }
        guard let count = value.integer, range.contains(count) else {
            throw file.corrupt("\(key) is \(value.summary)", expected: "a number in \(range)")
        }
        return count
    }

    /// Another part of the same model.
    /// - Throws: ``TrainerError`` with code `inputOutput` if it is not there.
    fileprivate func other(_ number: Int) throws -> GGUFPart {
        let path = try path(ofPart: number)
        guard FileManager.default.fileExists(atPath: path) else {
            throw TrainerError(
                .inputOutput, "\(path) is not there", expected: "all \(try partCount) parts of the model beside \(file.path)")
        }
        return try GGUFPart(path: path)
    }

    /// Where another part lies: `model-00001-of-00003.gguf` says how they are named.
    fileprivate func path(ofPart other: Int) throws -> String {
        func ending(_ number: Int, _ count: Int) -> String {
            func digits(_ number: Int) -> String { String(repeating: "0", count: max(0, 5 - "\(number)".count)) + "\(number)" }
            return "-\(digits(number + 1))-of-\(digits(count)).gguf"
        }
        let own = ending(try number, try partCount)
        guard file.path.hasSuffix(own) else {
            throw TrainerError(
                .inputOutput, "\(file.path) is part \(try number + 1) of \(try partCount), and its name does not say where the others are",
                expected: "a name that ends in \(own), and the others beside it")
        }
        return file.path.dropLast(own.count) + ending(other, try partCount)
    }
}
