import Foundation
import Swage
import SwageFiles
import Synchronization

/// A small model with random weights, and with a tokenizer and a chat template of its own: what a command works with from
/// beginning to end, and learns a sentence in a second.
package enum TextModel: String, CaseIterable, Sendable {
    /// Llama's architecture, and SmolLM2's tokenizer and template.
    case smollm2
    case qwen2, qwen3, llama3

    /// The folder, which is written once for each run of the tests.
    package func path() throws -> String {
        try Self.folders.withLock { folders in
            if let known = folders[self] { return known }
            let path = Self.root + "/" + rawValue
            try write(to: path)
            folders[self] = path
            return path
        }
    }

    private static let folders = Mutex<[TextModel: String]>([:])
    private static let root: String = {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("swage-models-\(UUID().uuidString)").path
        atexit { TextModel.removeAll() }
        return path
    }()

    private static func removeAll() { try? FileManager.default.removeItem(atPath: root) }

    private var family: String {
        switch self {
        case .smollm2, .llama3: "llama"
        case .qwen2, .qwen3: rawValue
        }
    }

    /// The names of the golden tokenizer and template.
    private var tokenizer: (file: String, template: String) {
        switch self {
        case .smollm2: ("smollm", "smollm2")
        case .qwen2: ("qwen2", "qwen2.5")
        case .qwen3: ("qwen2", "qwen3")
        case .llama3: ("llama3", "llama3")
        }
    }

    private var ends: (beginning: String?, end: String, id: Int) {
        self == .llama3 ? ("<|begin_of_text|>", "<|eot_id|>", 4) : (nil, "<|im_end|>", 2)
    }

    private static let (vocabulary, hidden, feedForward, layers, heads, keyValueHeads, headSize) = (704, 64, 128, 2, 4, 2, 16)

    private func write(to path: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        struct Templates: Decodable { var templates: [String: String] }
        let template = try Golden.json(Templates.self, "chat_templates.json").templates[tokenizer.template] ?? ""
        try template.write(toFile: path + "/chat_template.jinja", atomically: true, encoding: .utf8)
        try FileManager.default.copyItem(
            atPath: "\(Golden.root)/tokenizers/\(tokenizer.file).json", toPath: path + "/tokenizer.json")
        var names = ["tokenizer_class": "PreTrainedTokenizerFast", "eos_token": ends.end]
        names["bos_token"] = ends.beginning
        try write(names, path + "/tokenizer_config.json")
        try write(configuration, path + "/config.json")
        try writeWeights(path + "/model.safetensors")
    }

    private func write(_ object: [String: Any], _ path: String) throws {
        try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
            .write(to: URL(fileURLWithPath: path))
    }

    private var configuration: [String: Any] {
        [
            "architectures": [family == "llama" ? "LlamaForCausalLM" : family.capitalized + "ForCausalLM"],
            "model_type": family, "hidden_act": "silu", "hidden_size": Self.hidden, "intermediate_size": Self.feedForward,
            "num_hidden_layers": Self.layers, "num_attention_heads": Self.heads, "head_dim": Self.headSize,
            "num_key_value_heads": Self.keyValueHeads, "max_position_embeddings": 4096, "rms_norm_eps": 1e-6,
            "rope_theta": 10000.0, "tie_word_embeddings": true, "vocab_size": Self.vocabulary, "bos_token_id": 0,
            "eos_token_id": ends.id,
        ]
    }

    private func writeWeights(_ path: String) throws {
        var random = RandomNumbers(seed: 17)
        let shapes = self.shapes
        let values = shapes.map { name, shape -> [Float] in
            let count = shape.reduce(1, *)
            if name.contains("norm") { return [Float](repeating: 1, count: count) }
            return random.floats(count).map { 0.04 * $0 }
        }
        let flat = values.flatMap { $0 }
        try flat.withUnsafeBufferPointer { all in
            var start = 0
            let views = zip(shapes, values).map { shape, values in
                defer { start += values.count }
                return TensorView(
                    name: shape.0, shape: shape.1, elements: UnsafeBufferPointer(rebasing: all[start..<start + values.count]))
            }
            try SafetensorsWriter.write(views, to: path)
        }
    }

    private var shapes: [(String, [Int])] {
        let (hidden, queries, keys) = (Self.hidden, Self.heads * Self.headSize, Self.keyValueHeads * Self.headSize)
        let layers = (0..<Self.layers).flatMap { layer -> [(String, [Int])] in
            let projections = [("q_proj", queries), ("k_proj", keys), ("v_proj", keys)]
            var shapes: [(String, [Int])] = projections.map { ("self_attn.\($0).weight", [$1, hidden]) }
            if self == .qwen2 { shapes += projections.map { ("self_attn.\($0).bias", [$1]) } }
            if self == .qwen3 { shapes += ["q_norm", "k_norm"].map { ("self_attn.\($0).weight", [Self.headSize]) } }
            shapes += [
                ("self_attn.o_proj.weight", [hidden, queries]), ("mlp.gate_proj.weight", [Self.feedForward, hidden]),
                ("mlp.up_proj.weight", [Self.feedForward, hidden]), ("mlp.down_proj.weight", [hidden, Self.feedForward]),
                ("input_layernorm.weight", [hidden]), ("post_attention_layernorm.weight", [hidden]),
            ]
            return shapes.map { ("model.layers.\(layer).\($0)", $1) }
        }
        return [("model.embed_tokens.weight", [Self.vocabulary, hidden])] + layers + [("model.norm.weight", [hidden])]
    }
}
