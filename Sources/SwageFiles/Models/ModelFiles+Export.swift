import Foundation
import Swage

extension ModelFiles {
    /// Writes the model into `directory` as a folder that transformers opens: float32 weights, and the small files.
    /// - Throws: ``TrainerError`` if a weight cannot be read, or a file not be written.
    package func export(to directory: String) throws {
        for (name, data) in companions { try AtomicDirectory.writeFile(data, to: directory + "/" + name) }
        let shapes = weights.tensorNames.sorted().map { ($0, weights.shape(of: $0) ?? []) }
        let buffers = shapes.map { UnsafeMutableBufferPointer<Float>.allocate(capacity: $1.reduce(1, *)) }
        defer { for buffer in buffers { buffer.deallocate() } }
        for ((name, _), buffer) in zip(shapes, buffers) { try weights.read(name, into: buffer) }
        let views = zip(shapes, buffers).map { tensor, buffer in
            TensorView(name: tensor.0, shape: tensor.1, elements: UnsafeBufferPointer(buffer))
        }
        try SafetensorsWriter.write(views, to: directory + "/model.safetensors")
    }
}
