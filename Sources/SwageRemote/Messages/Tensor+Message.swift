#if Engines
import Foundation
import Swage
import SwiftProtobuf

/// A number that tensors of the service can hold.
protocol WireScalar: Sendable, Equatable {
    static var dataType: Swage_V1_DataType { get }
}

extension Float: WireScalar {
    static var dataType: Swage_V1_DataType { .float32 }
}

extension Int32: WireScalar {
    static var dataType: Swage_V1_DataType { .int32 }
}

#if _endian(big)
#error("tensors cross the wire as they lie in memory, which has to be little-endian")
#endif

extension Tensor where Scalar: WireScalar {
    var message: Swage_V1_Tensor {
        .with {
            $0.type = Scalar.dataType
            $0.shape = shape.map(Int64.init)
            $0.data = scalars.withUnsafeBytes { Data($0) }
        }
    }

    /// - Throws: ``TrainerError`` with code `invalidBatch` if there is no message, or `invalidShape` if it is not such a tensor.
    init(_ message: Swage_V1_Tensor?, _ name: String) throws {
        guard let message else { throw TrainerError(.invalidBatch, "there are no \(name)", expected: "a tensor of \(Scalar.dataType)") }
        guard message.type == Scalar.dataType else {
            throw TrainerError(
                .invalidShape, "\(name) holds numbers of type \(message.type)", expected: "\(Scalar.dataType)")
        }
        let shape = try Self.shape(message.shape, name)
        let (count, size) = (message.data.count / MemoryLayout<Scalar>.size, MemoryLayout<Scalar>.size)
        guard let needed = elementCount(shape + [size]), needed == message.data.count else {
            throw TrainerError(
                .invalidShape, "\(name) of shape \(shape) has \(message.data.count) bytes", expected: "\(size) bytes for each element")
        }
        let scalars = [Scalar](unsafeUninitializedCapacity: count) { buffer, initialized in
            _ = message.data.copyBytes(to: UnsafeMutableRawBufferPointer(buffer))
            initialized = count
        }
        try self.init(scalars, shape: shape)
    }

    /// The most axes that a tensor may have.
    private static var mostAxes: Int { 16 }

    static func shape(_ axes: [Int64], _ name: String) throws -> [Int] {
        guard axes.count <= mostAxes else {
            throw TrainerError(.invalidShape, "\(name) has \(axes.count) axes", expected: "at most \(mostAxes)")
        }
        return try axes.map { axis in
            guard axis >= 0, let axis = Int(exactly: axis) else {
                throw TrainerError(.invalidShape, "\(name) has shape \(axes)", expected: "axes of 0 or more")
            }
            return axis
        }
    }
}

extension Tensor<Float> {
    /// The tensor in pieces that fit a message well.
    func pieces(_ name: String) -> some Sequence<Swage_V1_TensorPiece> {
        let size = 1 << 18
        return stride(from: 0, to: max(1, scalars.count), by: size).lazy.map { begin in
            .with {
                $0.name = name
                $0.type = .float32
                $0.shape = shape.map(Int64.init)
                $0.data = scalars[begin..<min(begin + size, scalars.count)].withUnsafeBytes { Data($0) }
            }
        }
    }
}
#endif
