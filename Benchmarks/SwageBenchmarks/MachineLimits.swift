import Swage
import SwageNative

/// What the machine would need for the work that no engine can avoid: the matrix products of a step, and reading memory.
final class MachineLimits {
    private let products: Products
    private let team: ThreadTeam
    /// Each kind of linear layer: how many there are, and its sizes.
    private let layers: [(count: Int, inputs: Int, outputs: Int)]
    private let largest: Int
    private let vocabulary: Int

    init(_ model: [String: ConfigurationValue], threads: Int) throws {
        func size(_ key: String) -> Int {
            guard case .integer(let value)? = model[key] else { fatalError("the model has no \(key)") }
            return value
        }
        team = try ThreadTeam(count: threads)
        products = Products(team: team)
        let (hidden, feedForward, count) = (size("hidden_size"), size("intermediate_size"), size("num_hidden_layers"))
        let queries = size("num_attention_heads") * size("head_dim")
        let keys = size("num_key_value_heads") * size("head_dim")
        vocabulary = size("vocab_size")
        layers = [
            (count, hidden, queries + 2 * keys), (count, queries, hidden), (count, hidden, 2 * feedForward),
            (count, feedForward, hidden), (1, hidden, vocabulary),
        ]
        largest = layers.map { max($0.inputs, $0.outputs) }.max()!
    }

    /// Forward, and if asked for input gradient and weight gradient, of every linear layer, head included, with weights
    /// and gradients of the model's size and nothing between the products.
    func run(_ job: Job.Products) -> Answer {
        let tokens = job.tokens
        let weightCount = layers.reduce(0) { $0 + $1.count * $1.inputs * $1.outputs }
        let weights = numbers(weightCount)
        let gradients = numbers(job.backward ? weightCount : 0)
        let (x, y, result) = (numbers(tokens * largest), numbers(tokens * largest), numbers(tokens * largest))
        defer { for buffer in [weights, gradients, x, y, result] { buffer.deallocate() } }
        let time = ContinuousClock().measure {
            var offset = 0
            for layer in layers {
                let rows = layer.outputs == vocabulary ? job.predicted : tokens
                for _ in 0..<layer.count where rows > 0 {
                    let weight = weights + offset
                    products.forward(x, weight, result, rows: rows, inputs: layer.inputs, outputs: layer.outputs)
                    if job.backward {
                        products.inputGradient(
                            y, weight, result, rows: rows, inputs: layer.inputs, outputs: layer.outputs)
                        products.weightGradient(
                            y, x, gradients + offset, rows: rows, inputs: layer.inputs, outputs: layer.outputs,
                            accumulating: false)
                    }
                    offset += layer.inputs * layer.outputs
                }
            }
        }
        return Answer(seconds: time / .seconds(1))
    }

    /// Reads 1 GiB, each thread its part.
    func bandwidth() -> Answer {
        let count = 1 << 28
        let memory = numbers(count)
        defer { memory.deallocate() }
        var sums = [Float](repeating: 0, count: team.count)
        let time = ContinuousClock().measure {
            sums.withUnsafeMutableBufferPointer { sums in
                let sums = sums.baseAddress!
                team.split(count) { thread, part in sums[thread] = sum(memory + part.lowerBound, part.count) }
            }
        }
        precondition(sums.allSatisfy(\.isFinite))
        return Answer(seconds: time / .seconds(1), bytes: count * MemoryLayout<Float>.stride)
    }

    private func sum(_ numbers: UnsafePointer<Float>, _ count: Int) -> Float {
        let vectors = UnsafeRawPointer(numbers).assumingMemoryBound(to: SIMD16<Float>.self)
        var sums = (SIMD16<Float>.zero, SIMD16<Float>.zero, SIMD16<Float>.zero, SIMD16<Float>.zero)
        for index in stride(from: 0, to: count / 16 - 3, by: 4) {
            sums.0 += vectors[index]
            sums.1 += vectors[index + 1]
            sums.2 += vectors[index + 2]
            sums.3 += vectors[index + 3]
        }
        return (sums.0 + sums.1 + sums.2 + sums.3).sum()
    }

    /// Small numbers, so that no product overflows or meets denormals.
    private func numbers(_ count: Int) -> UnsafeMutablePointer<Float> {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: count * 4, alignment: 1 << 21)
            .bindMemory(to: Float.self, capacity: count)
        memory.initialize(repeating: 1e-3, count: count)
        return memory
    }
}
