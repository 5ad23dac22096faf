import Swage
import SwageText

/// How a folder stores its weights in 8 bits: what `quantization_config` says of kind `fp8`, which scales go with (DeepSeek-AI, 2024).
struct WeightQuantization: Sendable, Equatable {
    /// So many rows and columns of a matrix share a scale; nil where a whole tensor does.
    let block: Block?

    struct Block: Sendable, Equatable {
        let rows: Int
        let columns: Int
    }

    private static let kind = "fp8"
    /// What changes no weight: how products are computed, and which tensors have scales, as the weights show by themselves.
    private static let withoutEffect: Set = [
        "quant_method", "activation_scheme", "dequantize", "modules_to_not_convert", "modules_to_convert", "ignored_layers", "scale_fmt",
    ]

    /// What a whole `config.json` says; nil if its weights are plain numbers.
    /// - Throws: ``TrainerError`` with code `unsupported` for another kind than is read, or `corruptFile`.
    static func read(_ whole: JSONField) throws -> WeightQuantization? {
        let parts = [whole, ModelConfiguration.textPart(whole)].compactMap(\.self)
        if let other = parts.compactMap({ $0["compression_config"] }).first { throw other.wrong("no such key", code: .unsupported) }
        return try parts.compactMap { $0["quantization_config"] }.first.map { try WeightQuantization($0) }
    }

    /// Whether a whole `config.json` speaks of a kind that is read here. Another one, an engine in another process may know.
    static func isRead(_ whole: JSONField) -> Bool { (try? read(whole)) != nil }

    private init(_ json: JSONField) throws {
        let method = try json.required("quant_method")
        guard try method.text() == Self.kind else {
            throw method.wrong("\(Self.kind), or a model whose weights are plain numbers, or its GGUF", code: .unsupported)
        }
        for (key, field) in try json.members() where !Self.withoutEffect.contains(key) {
            switch key {
            case "weight_block_size": break
            case "fmt" where ["e4m3", "e5m2"].contains(try field.text()): break
            case "fmt": throw field.wrong("e4m3 or e5m2", code: .unsupported)
            case "expert_dtype" where try field.text() == Self.kind: break
            case "expert_dtype": throw field.wrong(Self.kind, code: .unsupported)
            default: throw field.wrong("no such key", code: .unsupported)
            }
        }
        if json.isNull("weight_block_size") {
            block = nil
        } else if let sizes = json["weight_block_size"] {
            let extents = try sizes.list().map { try $0.integer(1...1 << 22) }
            guard extents.count == 2 else { throw sizes.wrong("rows and columns of a block, or null") }
            block = Block(rows: extents[0], columns: extents[1])
        } else {
            block = Block(rows: 128, columns: 128)
        }
    }

    /// The shape of the scales of a tensor: as many as it has blocks, the last of which may be smaller.
    func scaleShape(of shape: [Int]) -> [Int]? {
        guard let block, shape.count >= 2 else { return nil }
        let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
        func blocks(_ extent: Int, _ size: Int) -> Int { extent / size + (extent % size == 0 ? 0 : 1) }
        return shape.dropLast(2) + [blocks(rows, block.rows), blocks(columns, block.columns)]
    }
}
