import Swage

/// Weights of a folder that stores some of them in 8 bits, with scales beside them: each multiplied by its scale.
struct ScaledWeights: WeightSource {
    /// What is behind the name of a tensor in that of its scales. They are what a weight is multiplied by, whatever the name says.
    private static let suffix = "_scale_inv"

    private let stored: ShardedSafetensors
    private let quantization: WeightQuantization?
    let tensorNames: Set<String>

    /// - Throws: ``TrainerError`` with code `corruptFile` for scales that are not there, fit no weight or have no rule.
    init(_ stored: ShardedSafetensors, _ quantization: WeightQuantization?, path: String) throws {
        self.stored = stored
        self.quantization = quantization
        let names = stored.tensorNames
        tensorNames = names.filter { !$0.hasSuffix(Self.suffix) || !names.contains(String($0.dropLast(Self.suffix.count))) }
        func error(_ what: String, _ expected: String) -> TrainerError { TrainerError(.corruptFile, "\(path): \(what)", expected: expected) }
        for name in tensorNames.sorted() {
            let isShort = stored.encoding(of: name)?.blockBytes == 1
            guard let found = stored.shape(of: name + Self.suffix) else {
                guard quantization == nil || !isShort else {
                    throw error("the weights have no \"\(name)\(Self.suffix)\"", "it beside \"\(name)\", as config.json has a quantization_config")
                }
                continue
            }
            guard let quantization else {
                throw error("there is \"\(name)\(Self.suffix)\"", "a config.json whose quantization_config says what the scales are of")
            }
            guard isShort else {
                throw error("\"\(name)\" is \(stored.encoding(of: name)?.name ?? "?") and has scales", "F8_E4M3 or F8_E5M2")
            }
            let grid = quantization.scaleShape(of: stored.shape(of: name) ?? [])
            guard found.allSatisfy({ $0 == 1 }) || found == grid else {
                throw error("\"\(name)\(Self.suffix)\" has the shape \(found)", grid.map { "\($0)" } ?? "one scale")
            }
        }
    }

    var unreadable: [String: String] { stored.unreadable }

    func shape(of name: String) -> [Int]? { tensorNames.contains(name) ? stored.shape(of: name) : nil }

    func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws {
        try stored.read(name, into: destination)
        guard !destination.isEmpty, let shape = stored.shape(of: name), let grid = stored.shape(of: name + Self.suffix) else { return }
        let count = try MemoryBudget.require(grid, of: Float.self, for: "the scales of \"\(name)\"")
        let scales = try [Float](unsafeUninitializedCapacity: count) { buffer, filled in
            try stored.read(name + Self.suffix, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            filled = count
        }
        guard count != 1 else {
            for index in destination.indices { destination[index] *= scales[0] }
            return
        }
        if let block = quantization?.block { Self.multiply(destination, shape, by: scales, grid, block) }
    }

    func areEqual(_ one: String, _ other: String) throws -> Bool {
        let hasScales = [one, other].contains { stored.shape(of: $0 + Self.suffix) != nil }
        return hasScales ? try valuesAreEqual(one, other) : try stored.areEqual(one, other)
    }

    /// Multiplies matrices that lie one after another, each by its blocks' scales.
    private static func multiply(
        _ weights: UnsafeMutableBufferPointer<Float>, _ shape: [Int], by scales: [Float], _ grid: [Int], _ block: WeightQuantization.Block
    ) {
        let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
        let (blocksDown, blocksAcross) = (grid[grid.count - 2], grid[grid.count - 1])
        for line in 0..<weights.count / columns {
            let first = (line / rows * blocksDown + line % rows / block.rows) * blocksAcross
            for across in 0..<blocksAcross {
                let (scale, begin) = (scales[first + across], line * columns)
                for index in across * block.columns..<min((across + 1) * block.columns, columns) { weights[begin + index] *= scale }
            }
        }
    }
}
