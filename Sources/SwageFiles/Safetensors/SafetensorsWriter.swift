import Foundation
import Swage

/// A tensor to be written, its elements where they lie in memory.
package struct TensorView {
    package let name: String
    package let shape: [Int]
    package let elements: UnsafeBufferPointer<Float>

    package init(name: String, shape: [Int], elements: UnsafeBufferPointer<Float>) {
        self.name = name
        self.shape = shape
        self.elements = elements
    }
}

/// Writes `.safetensors` files in float32.
package enum SafetensorsWriter {
    /// - Throws: ``TrainerError`` with code `inputOutput`.
    package static func write(_ tensors: [TensorView], to path: String) throws {
        var offset = 0
        var entries: [String: Any] = ["__metadata__": ["format": "pt"]]
        for tensor in tensors {
            let bytes = tensor.elements.count * MemoryLayout<Float>.stride
            entries[tensor.name] = ["dtype": "F32", "shape": tensor.shape, "data_offsets": [offset, offset + bytes]]
            offset += bytes
        }
        var header = try JSONSerialization.data(withJSONObject: entries, options: [.sortedKeys, .withoutEscapingSlashes])
        // Padding with spaces lets readers map the numbers where they are aligned.
        header.append(Data(repeating: 0x20, count: (8 - header.count % 8) % 8))

        let file = try OutputFile(path)
        try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try file.write($0) }
        try header.withUnsafeBytes { try file.write($0) }
        for tensor in tensors { try file.write(UnsafeRawBufferPointer(tensor.elements)) }
        try file.close()
    }
}
