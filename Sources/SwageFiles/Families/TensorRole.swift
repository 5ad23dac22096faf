/// What a tensor of a decoder is for. A family says what it calls those that it has, and by that which it has.
package enum TensorRole: Sendable, CaseIterable {
    case embedding, positions, finalNorm, head
    case inputNorm, query, key, value, queryNorm, keyNorm, attentionOutput, postAttentionNorm
    case feedForwardNorm, gate, up, down, postFeedForwardNorm
    /// Queries, keys and values in one tensor, row below row.
    case queryKeyValue
    /// Gate and up in one tensor, row below row.
    case gateUp
    /// What says for each token which experts compute it, and the experts' matrices: Hugging Face has each expert's in a tensor of
    /// its own, with its number at `{expert}`, and GGUF one after another in one.
    case router, expertGate, expertUp, expertDown
    /// All experts' gate and up, and all experts' down, each in one tensor `[experts, inputs, outputs]`, gate and up in turn. GGUF
    /// has `[experts, outputs, inputs]`, and gate and up apart.
    case expertsGateUp, expertsDown
    /// A score for each head, in every query's sum, that stands for no token.
    case sinks

    /// Whether it holds all experts' matrices of a layer.
    var isJoinedExperts: Bool { [.expertsGateUp, .expertsDown].contains(self) }

    /// Whether each expert has one.
    var isExperts: Bool { [.expertGate, .expertUp, .expertDown].contains(self) }

    /// Whether a model has it once, and not in every layer.
    var isOuter: Bool { [.embedding, .positions, .finalNorm, .head].contains(self) }

    var isNorm: Bool {
        [.finalNorm, .inputNorm, .queryNorm, .keyNorm, .postAttentionNorm, .feedForwardNorm, .postFeedForwardNorm].contains(self)
    }

    /// Whether its weight is a matrix of a layer.
    package var isLayerMatrix: Bool { !isNorm && !isOuter && !isJoinedExperts && self != .sinks }
}

/// What a tensor is called, without the layer before it and `weight` or `bias` behind.
package struct TensorName: Sendable {
    let huggingFace: String
    let gguf: String
    /// What GGUF calls the other half, where it has in two tensors what Hugging Face has in one, in turn.
    let ggufHalf: String?

    init(_ huggingFace: String, _ gguf: String, and half: String? = nil) { (self.huggingFace, self.gguf, ggufHalf) = (huggingFace, gguf, half) }
}

extension [TensorRole: TensorName] {
    /// Llama's, which most families have, or most of them.
    static let llama: Self = [
        .embedding: .init("model.embed_tokens", "token_embd"), .finalNorm: .init("model.norm", "output_norm"),
        .head: .init("lm_head", "output"),
        .inputNorm: .init("input_layernorm", "attn_norm"), .query: .init("self_attn.q_proj", "attn_q"),
        .key: .init("self_attn.k_proj", "attn_k"), .value: .init("self_attn.v_proj", "attn_v"),
        .attentionOutput: .init("self_attn.o_proj", "attn_output"), .feedForwardNorm: .init("post_attention_layernorm", "ffn_norm"),
        .gate: .init("mlp.gate_proj", "ffn_gate"), .up: .init("mlp.up_proj", "ffn_up"), .down: .init("mlp.down_proj", "ffn_down"),
    ]

    /// The norms of queries and keys, as all families call them that have any.
    static let queryKeyNorms: Self = [
        .queryNorm: .init("self_attn.q_norm", "attn_q_norm"), .keyNorm: .init("self_attn.k_norm", "attn_k_norm"),
    ]

    /// Experts in place of a feed-forward block.
    static let experts: Self = [
        .router: .init("mlp.gate", "ffn_gate_inp"), .expertGate: .init("mlp.experts.{expert}.gate_proj", "ffn_gate_exps"),
        .expertUp: .init("mlp.experts.{expert}.up_proj", "ffn_up_exps"),
        .expertDown: .init("mlp.experts.{expert}.down_proj", "ffn_down_exps"),
    ]

    /// These, but for those that `others` calls otherwise, and without `missing`.
    func with(_ others: Self = [:], without missing: [TensorRole] = []) -> Self {
        merging(others) { $1 }.filter { !missing.contains($0.key) }
    }
}
