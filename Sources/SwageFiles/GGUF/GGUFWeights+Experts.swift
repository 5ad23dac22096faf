import Swage

/// All experts of a layer in one tensor, which Hugging Face stores as `[experts, inputs, outputs]` with gate and up in turn, and GGUF
/// as `[experts, outputs, inputs]` with gate and up apart; their biases as `[experts, outputs]`.
extension GGUFWeights {
    func joinedShape(_ place: Place, _ stored: [Int]) -> [Int] {
        guard stored.count > 1 else { return stored }
        let outputs = stored[1] * (place.half == nil ? 1 : 2)
        return [stored[0]] + stored[2...] + [outputs]
    }

    func checkHalves(_ place: Place) throws {
        guard let half = place.half, let shape = file.tensors[place.stored]?.shape else { return }
        guard let other = file.tensors[half] else { throw file.file.corrupt("there is no tensor \"\(half)\"", expected: "it, beside \"\(place.stored)\"") }
        guard other.shape == shape else {
            throw file.file.corrupt("tensor \"\(half)\" has the shape \(other.shape)", expected: "\(shape), as \"\(place.stored)\" has")
        }
    }

    func readJoinedExperts(_ place: Place, _ tensor: StoredTensor, into destination: UnsafeMutableBufferPointer<Float>) throws {
        let tensors = [tensor] + [place.half.flatMap { file.tensors[$0] }].compactMap(\.self)
        guard tensor.shape.count > 1, !destination.isEmpty else { return }
        let (outputs, inputs) = (tensor.shape[1], tensor.shape.dropFirst(2).reduce(1, *))
        let size = try MemoryBudget.require([outputs, inputs], of: Float.self, for: "an expert of \"\(tensor.name)\"")
        let room = UnsafeMutableBufferPointer<Float>.allocate(capacity: size)
        defer { room.deallocate() }
        for expert in 0..<tensor.shape[0] {
            for (turn, source) in tensors.enumerated() {
                try file.read(source.slice(expert), into: room)
                let first = expert * size * tensors.count + turn
                for output in 0..<outputs {
                    for input in 0..<inputs {
                        destination[first + (input * outputs + output) * tensors.count] = room[output * inputs + input]
                    }
                }
            }
        }
    }
}
