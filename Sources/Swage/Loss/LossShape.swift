/// The extent of one axis of a value in a loss, known by name where it changes from batch to batch.
public enum LossAxis: Sendable, Hashable {
    /// The rows of the batch.
    case batch
    /// The positions of a row, padding and all packed sequences included.
    case sequence
    /// The token ids of the model, as the output head has them.
    case vocabulary
    /// The channels of a hidden state.
    case hidden
    /// Half of the batch, where its rows are pairs.
    case pairs
    /// A length that is the same in every batch, 1 to ``LossProgram/maximumExtent``. One of 1 is repeated where values meet.
    case fixed(Int)
}

/// The axes of a value in a loss, outermost first; none for a scalar.
public typealias LossShape = [LossAxis]

extension LossAxis: CustomStringConvertible {
    public var description: String {
        switch self {
        case .batch: "batch"
        case .sequence: "sequence"
        case .vocabulary: "vocabulary"
        case .hidden: "hidden"
        case .pairs: "pairs"
        case .fixed(let extent): "\(extent)"
        }
    }
}

extension LossAxis: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let extent = try? container.decode(Int.self) {
            guard (1...LossProgram.maximumExtent).contains(extent) else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "has an axis of \(extent)")
            }
            self = .fixed(extent)
            return
        }
        let name = try container.decode(String.self)
        guard let axis = [.batch, .sequence, .vocabulary, .hidden, .pairs].first(where: { "\($0)" == name }) as LossAxis?
        else { throw DecodingError.dataCorruptedError(in: container, debugDescription: "has the axis \"\(name.prefix(64))\", which there is not") }
        self = axis
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if case .fixed(let extent) = self { try container.encode(extent) } else { try container.encode("\(self)") }
    }
}

/// Why operands do not fit an operation.
struct LossShapeError: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}

extension LossShape {
    static let perToken: LossShape = [.batch, .sequence]

    /// The shape in which two values meet: axes are aligned at the last one, and a 1 is repeated.
    static func broadcast(_ a: LossShape, _ b: LossShape) throws -> LossShape {
        let rank = Swift.max(a.count, b.count)
        func axis(_ shape: LossShape, _ index: Int) -> LossAxis {
            let own = index - (rank - shape.count)
            return own < 0 ? .fixed(1) : shape[own]
        }
        return try (0..<rank).map { index in
            switch (axis(a, index), axis(b, index)) {
            case (let x, let y) where x == y: return x
            case (.fixed(1), let y): return y
            case (let x, .fixed(1)): return x
            default: throw LossShapeError("\(a) does not meet \(b)")
            }
        }
    }

    /// The shape with one axis changed; nil removes it.
    func replacing(_ axis: Int, with new: LossAxis?) -> LossShape {
        var copy = self
        if let new { copy[axis] = new } else { copy.remove(at: axis) }
        return copy
    }
}

/// The extents that a batch and a model give to named axes.
package struct LossExtents: Sendable {
    package var batch: Int
    package var sequence: Int
    package var vocabulary: Int
    package var hidden: Int

    package init(batch: Int, sequence: Int, vocabulary: Int, hidden: Int) {
        self.batch = batch
        self.sequence = sequence
        self.vocabulary = vocabulary
        self.hidden = hidden
    }

    package func resolve(_ shape: LossShape) -> [Int] {
        shape.map { axis in
            switch axis {
            case .batch: batch
            case .sequence: sequence
            case .vocabulary: vocabulary
            case .hidden: hidden
            case .pairs: batch / 2
            case .fixed(let extent): extent
            }
        }
    }
}
