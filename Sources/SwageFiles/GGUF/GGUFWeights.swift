import Swage

/// The weights of a GGUF file under Hugging Face's names and in its layout.
struct GGUFWeights: WeightSource {
    let file: GGUFFile
    private let configuration: ModelConfiguration
    private let storedNames: [String: String]
    let unreadable: [String: String]

    init(file: GGUFFile, configuration: ModelConfiguration) {
        self.file = file
        self.configuration = configuration
        var names: [String: String] = [:]
        var others: [String: String] = [:]
        for (stored, tensor) in file.tensors {
            if let name = Self.huggingFaceName(stored) {
                names[name] = stored
            } else if stored != GGUFFile.ropeFactors {
                others[stored] = tensor.encoding.rawValue
            }
        }
        (storedNames, unreadable) = (names, others)
    }

    var tensorNames: Set<String> { Set(storedNames.keys) }

    func shape(of name: String) -> [Int]? { storedNames[name].flatMap { file.tensors[$0]?.shape } }

    func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws {
        guard let tensor = storedNames[name].flatMap({ file.tensors[$0] }) else {
            throw file.file.corrupt("there is no tensor for \"\(name)\"")
        }
        try file.read(tensor, into: destination)
        guard configuration.family == .llama else { return }
        for (kind, heads) in [("attn_q", configuration.headCount), ("attn_k", configuration.keyValueHeadCount)]
        where tensor.name.hasSuffix(".\(kind).weight") || tensor.name.hasSuffix(".\(kind).bias") {
            Self.separateRotaryPairs(destination, heads: heads, headSize: configuration.headSize)
        }
    }

    /// GGUF's llama files keep the two elements of a rotary pair side by side; Hugging Face keeps them half a head
    /// apart. Rows of `[heads · headSize, columns]` go from the one order to the other.
    static func separateRotaryPairs(_ rows: UnsafeMutableBufferPointer<Float>, heads: Int, headSize: Int) {
        let columns = rows.count / (heads * headSize)
        let interleaved = Array(rows)
        for head in 0..<heads {
            for pair in 0..<headSize / 2 {
                for part in 0..<2 {
                    let source = (head * headSize + 2 * pair + part) * columns
                    let target = (head * headSize + part * headSize / 2 + pair) * columns
                    for column in 0..<columns { rows[target + column] = interleaved[source + column] }
                }
            }
        }
    }

    private static func huggingFaceName(_ stored: String) -> String? {
        let outer = [
            "token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
        ]
        let inner = [
            "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
            "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
            "attn_output": "self_attn.o_proj", "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
            "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
        ]
        let parts = stored.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        if parts.count == 2, let name = outer[parts[0]] { return "\(name).\(parts[1])" }
        if parts.count == 4, parts[0] == "blk", let name = inner[parts[2]] {
            return "model.layers.\(parts[1]).\(name).\(parts[3])"
        }
        return nil
    }
}
