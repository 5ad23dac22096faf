"""The tiny models once more, as GGUF files in the layout of llama.cpp's converter."""

import json
import math

import numpy
from gguf import GGMLQuantizationType, GGUFWriter, RopeScalingType, TokenType
from gguf.quants import dequantize, quantize
from safetensors.numpy import load_file

MODELS = [
    "llama", "llama3_tied", "llama_bias", "llama_yarn", "qwen2", "qwen3", "smollm3_four", "granite", "phi3", "phi3_long",
    "phi3_short", "olmo2", "olmo3", "gemma2_plain", "gemma3_six", "stablelm", "glm4", "gpt2", "ministral3", "mixtral", "qwen3_moe", "olmoe",
    "gpt_oss_mxfp4",
]
ARCHITECTURES = {
    "gemma3_text": "gemma3", "qwen3_moe": "qwen3moe", "mixtral": "llama", "olmo3": "olmo2", "ministral3": "mistral3", "gpt_oss": "gpt-oss",
}
INTERLEAVED = ["llama", "smollm3", "granite", "mistral3"]
OUTER = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output", "transformer.wte": "token_embd",
    "transformer.wpe": "position_embd", "transformer.ln_f": "output_norm",
}
INNER = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "self_attn.qkv_proj": "attn_qkv",
    "mlp.gate_up_proj": "ffn_up",
    "post_self_attn_layernorm": "post_attention_norm",
    "post_mlp_layernorm": "post_ffw_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
    "ln_1": "attn_norm",
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "ln_2": "ffn_norm",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
    "mlp.gate": "ffn_gate_inp",
    "mlp.experts.gate_proj": "ffn_gate_exps",
    "mlp.experts.up_proj": "ffn_up_exps",
    "mlp.experts.down_proj": "ffn_down_exps",
    "block_sparse_moe.gate": "ffn_gate_inp",
    "block_sparse_moe.experts.w1": "ffn_gate_exps",
    "block_sparse_moe.experts.w3": "ffn_up_exps",
    "block_sparse_moe.experts.w2": "ffn_down_exps",
    "mlp.router": "ffn_gate_inp",
    "self_attn.sinks": "attn_sinks",
}
# Where the norm of this name stands behind attention, or is called so before the experts.
BEHIND = ["olmo2", "gemma2", "gemma3", "gpt-oss"]

# What GPT-2's configuration calls otherwise.
GPT2_KEYS = {
    "n_embd": "hidden_size",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_positions": "max_position_embeddings",
}


def stored_name(name, architecture):
    stem, kind = name.rsplit(".", 1)
    if stem in OUTER:
        return f"{OUTER[stem]}.{kind}"
    _, _, layer, rest = stem.split(".", 3)
    if rest == "post_attention_layernorm" and architecture in BEHIND:
        return f"blk.{layer}.post_attention_norm.{kind}"
    return f"blk.{layer}.{INNER[rest]}.{kind}"


def interleave(rows, heads):
    """Half-apart rotary pairs to neighboring ones."""
    shape = rows.shape
    return rows.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


def llama3_divisors(config, head_size):
    scaling = config["rope_parameters"]
    frequencies = scaling["rope_theta"] ** -(numpy.arange(0, head_size, 2) / head_size)
    turns = scaling["original_max_position_embeddings"] * frequencies / (2 * numpy.pi)
    low, high, factor = scaling["low_freq_factor"], scaling["high_freq_factor"], scaling["factor"]
    smooth = numpy.clip((turns - low) / (high - low), 0, 1)
    return (1 / ((1 - smooth) / factor + smooth)).astype(numpy.float32)


def write_model(folder):
    config = json.loads((folder / "config.json").read_text())
    for ours, theirs in GPT2_KEYS.items():
        config.setdefault(theirs, config.get(ours))
    config.setdefault("num_experts", config.get("num_local_experts"))
    architecture = ARCHITECTURES.get(config["model_type"], config["model_type"])
    heads = config["num_attention_heads"]
    key_heads = config.get("num_key_value_heads") or heads
    head_size = config.get("head_dim") or config["hidden_size"] // heads
    writer = GGUFWriter(folder / "model.gguf", architecture)
    writer.add_name(folder.name)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config.get("intermediate_size") or 4 * config["hidden_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(key_heads)
    writer.add_key_length(head_size)
    writer.add_value_length(head_size)
    if "rms_norm_eps" in config:
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    else:
        writer.add_layer_norm_eps(config.get("layer_norm_eps") or config["layer_norm_epsilon"])
    add_scales(writer, config)
    add_rope(writer, config, head_size)
    add_tokenizer(writer, json.loads((folder / "tokenizer.json").read_text()))
    tensors = load_file(folder / "model.safetensors")
    for name, tensor in (apart if architecture == "gpt-oss" else joined)(tensors).items():
        for kind, count in [("q_proj", heads), ("k_proj", key_heads)]:
            if architecture in INTERLEAVED and f"self_attn.{kind}." in name:
                tensor = interleave(tensor, count)
        if architecture == "gpt2" and tensor.ndim == 2 and ".h." in name:
            tensor = tensor.T
        if architecture.startswith("gemma") and name.endswith("norm.weight"):
            tensor = tensor + 1
        tensor = numpy.ascontiguousarray(tensor)
        if folder.name.endswith("mxfp4") and "experts" in name and tensor.ndim == 3:
            blocks = quantize(tensor, GGMLQuantizationType.MXFP4)
            assert (dequantize(blocks, GGMLQuantizationType.MXFP4).reshape(tensor.shape) == tensor).all()
            writer.add_tensor(stored_name(name, architecture), blocks, raw_dtype=GGMLQuantizationType.MXFP4)
        else:
            writer.add_tensor(stored_name(name, architecture), tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def joined(tensors):
    """The experts' matrices of a layer in one tensor."""
    result = {}
    for name, tensor in sorted(tensors.items(), key=lambda item: [int(p) if p.isdigit() else -1 for p in item[0].split(".")]):
        parts = name.split(".")
        if "experts" in parts:
            name = ".".join(part for place, part in enumerate(parts) if place == 2 or not part.isdigit())
            result.setdefault(name, []).append(tensor)
        else:
            result[name] = tensor
    return {name: numpy.stack(tensor) if isinstance(tensor, list) else tensor for name, tensor in result.items()}


def apart(tensors):
    """GPT-OSS's joined experts with gate and up apart, and the outputs' axis before the inputs'."""
    result = {}
    for name, tensor in tensors.items():
        if ".mlp.experts." not in name:
            result[name + ".weight" if name.endswith("sinks") else name] = tensor
            continue
        stem = name.removesuffix("_bias")
        kind = "weight" if stem == name else "bias"
        tensor = tensor if kind == "bias" else tensor.swapaxes(1, 2)
        if stem.endswith("gate_up_proj"):
            result[stem.replace("gate_up", "gate") + f".{kind}"] = tensor[:, ::2]
            result[stem.replace("gate_up", "up") + f".{kind}"] = tensor[:, 1::2]
        else:
            result[f"{stem}.{kind}"] = tensor
    return result


def add_scales(writer, config):
    if config.get("num_experts"):
        writer.add_expert_count(config["num_experts"])
        writer.add_expert_used_count(config["num_experts_per_tok"])
        if config["model_type"] != "mixtral":
            writer.add_expert_feed_forward_length(config.get("moe_intermediate_size") or config["intermediate_size"])
    if config["model_type"] == "granite":
        writer.add_embedding_scale(config["embedding_multiplier"])
        writer.add_residual_scale(config["residual_multiplier"])
        writer.add_attention_scale(config["attention_multiplier"])
        writer.add_logit_scale(config["logits_scaling"])
    if config.get("attn_logit_softcapping"):
        writer.add_attn_logit_softcapping(config["attn_logit_softcapping"])
    if config.get("final_logit_softcapping"):
        writer.add_final_logit_softcapping(config["final_logit_softcapping"])
    if config["model_type"] in ["gemma2", "gemma3_text", "phi3", "gpt_oss", "olmo3"] and config.get("sliding_window"):
        writer.add_sliding_window(config["sliding_window"])
    if config["model_type"] == "olmo3":
        writer.add_sliding_window_pattern([kind == "sliding_attention" for kind in config["layer_types"]])
    if config["model_type"] == "ministral3":
        writer.add_attn_temperature_scale(config["rope_parameters"]["llama_4_scaling_beta"])


def add_rope(writer, config, head_size):
    rope = config.get("rope_parameters")
    if not rope:
        return
    if "rope_theta" in rope.get("sliding_attention", {}):
        writer.add_rope_freq_base_swa(rope["sliding_attention"]["rope_theta"])
    rope = rope.get("full_attention", rope)
    dimensions = int(head_size * rope.get("partial_rotary_factor", 1))
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_rope_dimension_count(dimensions)
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    if rope["rope_type"] == "yarn":
        writer.add_rope_scaling_type(RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        if "beta_fast" in rope:
            writer.add_rope_scaling_yarn_beta_fast(rope["beta_fast"])
            writer.add_rope_scaling_yarn_beta_slow(rope["beta_slow"])
        if "mscale_all_dim" in rope:
            writer.add_rope_scaling_yarn_log_mul(rope["mscale_all_dim"])
    if rope["rope_type"] == "longrope":
        original = config["original_max_position_embeddings"]
        scale = config["max_position_embeddings"] / original
        writer.add_rope_scaling_type(RopeScalingType.LONGROPE)
        writer.add_rope_scaling_orig_ctx_len(original)
        writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(scale) / math.log(original)))
        for kind in ["long", "short"]:
            writer.add_tensor(f"rope_factors_{kind}.weight", numpy.array(rope[f"{kind}_factor"], dtype=numpy.float32))
    if rope["rope_type"] == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_divisors(config, head_size))


def add_tokenizer(writer, document):
    added = {token["id"]: token for token in document["added_tokens"]}
    vocabulary = document["model"]["vocab"] | {token["content"]: token["id"] for token in added.values()}
    tokens = sorted(vocabulary, key=vocabulary.get)
    types = [
        TokenType.NORMAL if i not in added else TokenType.CONTROL if added[i]["special"] else TokenType.USER_DEFINED
        for i in range(len(tokens))
    ]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([" ".join(merge) for merge in document["model"]["merges"]])
    writer.add_bos_token_id(vocabulary["<|im_start|>"])
    writer.add_eos_token_id(vocabulary["<|im_end|>"])
    writer.add_chat_template("chatml")


def write(folder, names=None):
    for name in names or MODELS:
        write_model(folder / name)
