"""Random configurations of every family, with as many keys left out: the native engine's loss against transformers'.

    fuzz_configurations.py PROGRAM [COUNT [FAMILY...]]

PROGRAM is the built ConfigurationFuzzer. A configuration is opened by both, or refused by both, or refused in words by Swage alone,
which is counted and listed.
"""

import collections
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import warnings

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, logging

ROWS = [[1, 5, 9, 30, 7, 22, 11, 3, 17, 28, 4, 13], [8, 2, 2, 19, 33, 6, 25, 14, 38, 12, 21, 10]]
TOLERANCE = 1e-5


def choose(rng, config, key, *values):
    """One of the values, or no such key."""
    value = rng.choice([*values, choose])
    if value is not choose:
        config[key] = value


def scaling(rng, width, kinds):
    """Rotary settings, or None."""
    kind = rng.choice([None, "default", *kinds])
    if kind is None:
        return None
    rope = {rng.choice(["rope_type", "type"]): kind}
    choose(rng, rope, "rope_theta", 500.0, 20000.0)
    if kind in ["linear", "dynamic", "yarn", "llama3"]:
        rope["factor"] = rng.choice([1.0, 2.0, 4.5])
    if kind in ["yarn", "llama3"]:
        choose(rng, rope, "original_max_position_embeddings", 8, 32)
    if kind == "yarn":
        choose(rng, rope, "beta_fast", 32.0, 8.0)
        choose(rng, rope, "beta_slow", 1.0, 2.0)
        choose(rng, rope, "attention_factor", 0.8, 1.3)
        choose(rng, rope, "truncate", True, False)
        choose(rng, rope, "mscale", 0.7)
        choose(rng, rope, "mscale_all_dim", 0.7, 1.2)
    if kind == "llama3":
        rope["low_freq_factor"], rope["high_freq_factor"] = 1.0, rng.choice([2.0, 4.0])
    if kind == "longrope":
        rope["short_factor"] = [rng.choice([1.0, 1.5, 2.0]) for _ in range(width // 2)]
        rope["long_factor"] = [rng.choice([1.0, 3.0, 5.0]) for _ in range(width // 2)]
        choose(rng, rope, "factor", 2.0, 8.0)
        choose(rng, rope, "attention_factor", 0.8, 1.3)
    return rope


def add_rope(rng, config, width, kinds):
    rope = scaling(rng, width, kinds)
    if rope is not None:
        config[rng.choice(["rope_parameters", "rope_scaling"])] = rope
    choose(rng, config, "rope_theta", 1000.0, 50000.0)


def types(rng, layers):
    return [rng.choice(["full_attention", "sliding_attention"]) for _ in range(layers)]


SCALINGS = ["linear", "dynamic", "yarn", "llama3"]


def draw(rng, family):
    layers, heads = rng.choice([1, 2, 3]), rng.choice([1, 2, 4])
    key_heads = rng.choice([h for h in [1, 2, 4] if heads % h == 0])
    size = rng.choice([4, 8])
    hidden = heads * size
    config = dict(model_type=family, vocab_size=40, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads)
    config["num_key_value_heads"] = key_heads
    config["intermediate_size"] = rng.choice([8, 12])
    config.update(pad_token_id=None, bos_token_id=1, eos_token_id=2)
    choose(rng, config, "max_position_embeddings", 8, 64)
    choose(rng, config, "rms_norm_eps", 1e-5, 1e-2)
    choose(rng, config, "tie_word_embeddings", True, False)
    # A head of another size, where the default is one for large models.
    if family in ["qwen3", "gemma2", "gemma3_text", "glm4", "ministral", "ministral3", "mixtral"] or (
        rng.random() < 0.4 and family in ["llama", "mistral", "qwen2"]
    ):
        config["head_dim"] = size = rng.choice([4, 6])
    window = rng.choice([3, 5, 50])
    if family == "llama":
        add_rope(rng, config, size, SCALINGS)
        choose(rng, config, "attention_bias", True, False)
        choose(rng, config, "mlp_bias", True, False)
    elif family == "mistral":
        add_rope(rng, config, size, SCALINGS)
        choose(rng, config, "sliding_window", window, None)
    elif family == "ministral":
        add_rope(rng, config, size, SCALINGS)
        config["sliding_window"] = window
        choose(rng, config, "layer_types", types(rng, layers))
    elif family == "ministral3":
        choose(rng, config, "sliding_window", window, None)
        if rng.random() < 0.7:
            rope = scaling(rng, size, ["yarn"]) or dict(rope_type="default")
            rope["llama_4_scaling_beta"] = rng.choice([0.1, 0.5])
            rope.setdefault("original_max_position_embeddings", 4)
            config["rope_parameters"] = rope
    elif family in ["qwen2", "qwen3"]:
        add_rope(rng, config, size, SCALINGS)
        choose(rng, config, "use_sliding_window", True, False)
        choose(rng, config, "sliding_window", window)
        choose(rng, config, "max_window_layers", 0, 1, 2)
        if family == "qwen3":
            choose(rng, config, "attention_bias", True, False)
    elif family == "smollm3":
        add_rope(rng, config, size, SCALINGS)
        choose(rng, config, "use_sliding_window", True, False)
        choose(rng, config, "sliding_window", window)
        choose(rng, config, "no_rope_layers", [rng.choice([0, 1]) for _ in range(layers)])
        choose(rng, config, "no_rope_layer_interval", 1, 2)
        choose(rng, config, "attention_bias", True, False)
        choose(rng, config, "mlp_bias", True, False)
    elif family == "granite":
        add_rope(rng, config, size, SCALINGS)
        for key in ["embedding_multiplier", "residual_multiplier", "attention_multiplier", "logits_scaling"]:
            choose(rng, config, key, 0.5, 2.0, 3)
        choose(rng, config, "attention_bias", True, False)
        choose(rng, config, "mlp_bias", True, False)
    elif family == "phi3":
        part = rng.choice([0.5, 1.0])
        choose(rng, config, "original_max_position_embeddings", 4, 32)
        add_rope(rng, config, int(size * part), ["longrope"])
        if part != 1 or rng.random() < 0.5:
            config["partial_rotary_factor"] = part
        choose(rng, config, "sliding_window", window, None)
    elif family == "olmo2":
        add_rope(rng, config, size, SCALINGS)
        choose(rng, config, "attention_bias", True, False)
    elif family == "olmo3":
        choose(rng, config, "sliding_window", window)
        choose(rng, config, "layer_types", types(rng, layers))
        choose(rng, config, "attention_bias", True, False)
        if rng.random() < 0.5:
            config["rope_scaling"] = scaling(rng, size, ["linear", "yarn"])
        elif rng.random() < 0.5:
            config["rope_parameters"] = dict(
                full_attention=scaling(rng, size, ["linear", "yarn"]),
                sliding_attention=scaling(rng, size, []),
            )
        choose(rng, config, "rope_theta", 1000.0, 50000.0)
    elif family in ["gemma2", "gemma3_text"]:
        config["query_pre_attn_scalar"] = rng.choice([5, 16])
        choose(rng, config, "final_logit_softcapping", 3.0, None)
        choose(rng, config, "sliding_window", window)
        choose(rng, config, "layer_types", types(rng, layers))
        choose(rng, config, "attention_bias", True, False)
        choose(rng, config, "hidden_activation", "gelu_pytorch_tanh")
        if family == "gemma2":
            choose(rng, config, "attn_logit_softcapping", 2.0, None)
            add_rope(rng, config, size, SCALINGS)
        else:
            choose(rng, config, "sliding_window_pattern", 2, 3)
            choose(rng, config, "rope_local_base_freq", 300.0)
            choose(rng, config, "rope_theta", 1000.0, 50000.0)
            if rng.random() < 0.5:
                config["rope_scaling"] = scaling(rng, size, ["linear"])
            elif rng.random() < 0.5:
                config["rope_parameters"] = dict(full_attention=scaling(rng, size, ["linear"]), sliding_attention=scaling(rng, size, []))
    elif family == "stablelm":
        config.pop("rms_norm_eps", None)
        choose(rng, config, "layer_norm_eps", 1e-5, 1e-2)
        choose(rng, config, "use_qkv_bias", True, False)
        part = rng.choice([0.5, 1.0])
        if size == 4 or rng.random() < 0.5:
            config["partial_rotary_factor"] = part
        add_rope(rng, config, size, ["linear"])
    elif family == "glm4":
        choose(rng, config, "attention_bias", True, False)
        config["partial_rotary_factor"] = rng.choice([0.5, 1.0]) if size == 4 else 1.0
        add_rope(rng, config, size, SCALINGS)
    elif family == "gpt2":
        config = dict(model_type="gpt2", vocab_size=40, n_embd=hidden, n_layer=layers, n_head=heads, bos_token_id=1, eos_token_id=2)
        choose(rng, config, "n_positions", 12, 64)
        choose(rng, config, "n_inner", 12, None)
        choose(rng, config, "layer_norm_epsilon", 1e-5, 1e-2)
        choose(rng, config, "activation_function", "gelu_new", "gelu_pytorch_tanh")
        choose(rng, config, "tie_word_embeddings", True, False)
    elif family == "mixtral":
        add_rope(rng, config, size, SCALINGS)
        choose(rng, config, "sliding_window", window, None)
        config["num_local_experts"] = rng.choice([2, 4])
        choose(rng, config, "num_experts_per_tok", 1, 2)
    elif family in ["qwen3_moe", "olmoe"]:
        add_rope(rng, config, size, SCALINGS)
        config["num_experts"] = rng.choice([3, 4])
        config["num_experts_per_tok"] = rng.choice([1, 2, 3])
        choose(rng, config, "norm_topk_prob", True, False)
        choose(rng, config, "attention_bias", True, False)
        if family == "qwen3_moe":
            config["moe_intermediate_size"] = config.pop("intermediate_size")
            config["head_dim"] = size
    elif family == "gpt_oss":
        config["head_dim"] = rng.choice([4, 8])
        config["num_local_experts"], config["num_experts_per_tok"] = rng.choice([2, 4]), rng.choice([1, 2])
        choose(rng, config, "sliding_window", window)
        choose(rng, config, "layer_types", types(rng, layers))
        choose(rng, config, "swiglu_limit", 1.0, 0.3)
        choose(rng, config, "swiglu_alpha", 1.0)
        choose(rng, config, "attention_bias", True, False)
        if rng.random() < 0.5:
            add_rope(rng, config, size, ["yarn"])
    return {key: value for key, value in config.items() if not (key in ["rope_scaling", "rope_parameters"] and value is None)}


FAMILIES = [
    "llama", "mistral", "ministral", "ministral3", "qwen2", "qwen3", "smollm3", "granite", "phi3", "olmo2", "olmo3", "gemma2",
    "gemma3_text",
    "stablelm", "glm4", "gpt2", "mixtral", "qwen3_moe", "olmoe", "gpt_oss",
]


def loss(model):
    ids = torch.tensor(ROWS)
    with torch.no_grad():
        logits = model(ids[:, :-1]).logits
    return torch.log_softmax(logits, -1).gather(-1, ids[:, 1:, None]).mean().item()


def prepare(folder, config, rng):
    """Writes the model; returns transformers' loss, or why it has none."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    try:
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder), attn_implementation="eager").float()
        weights = {
            name: torch.randn_like(tensor) * 0.3 + (1.0 if tensor.dim() == 1 else 0.0)
            for name, tensor in model.state_dict().items()
        }
        if hasattr(model.config, "num_experts_per_tok"):
            # An expert's matrices each have a tensor of their own in files.
            model.load_state_dict(weights)
            model.save_pretrained(folder)
            (folder / "config.json").write_text(json.dumps(config))
            return loss(model.eval())
        if model.config.tie_word_embeddings:
            head = "lm_head.weight"
            embedding = next(name for name in weights if name.endswith(("embed_tokens.weight", "wte.weight")))
            kind = rng.choice(["no head", "the same head", "another head"])
            if kind != "another head":
                weights[head] = weights[embedding].clone()
            if kind == "no head":
                del weights[head]
        save_file({name: tensor.contiguous() for name, tensor in weights.items()}, folder / "model.safetensors", metadata=dict(format="pt"))
        return loss(AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval())
    except Exception as error:
        return f"refused: {type(error).__name__}: {error}"


def main():
    program, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 500
    warnings.filterwarnings("ignore")
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    failures = 0
    for family in sys.argv[3:] or FAMILIES:
        rng = random.Random(family)
        torch.manual_seed(0)
        with tempfile.TemporaryDirectory() as place:
            folders = [pathlib.Path(place) / str(index) for index in range(count)]
            configs = [draw(rng, family) for _ in folders]
            expected = [prepare(folder, config, rng) for folder, config in zip(folders, configs, strict=True)]
            output = subprocess.run([program], input="\n".join(map(str, folders)), capture_output=True, text=True, check=True).stdout
        counts, reasons, worst = collections.Counter(), collections.Counter(), 0.0
        for config, theirs, ours in zip(configs, expected, output.splitlines(), strict=True):
            if isinstance(theirs, str):
                counts["refused by both" if ours.startswith("refused") else "refused by transformers alone"] += 1
            elif ours.startswith("refused"):
                counts["refused by Swage alone"] += 1
                reasons[ours.split("config.json: ")[-1][:150]] += 1
            else:
                difference = abs(float(ours) - theirs) / abs(theirs)
                worst = max(worst, difference)
                counts["equal" if difference < TOLERANCE else "DIFFERENT"] += 1
                if difference >= TOLERANCE:
                    failures += 1
                    if counts["DIFFERENT"] <= 3:
                        print(f"  {theirs} and not {ours}: {json.dumps(config)}")
        print(f"{family}: {dict(counts)}, worst {worst:.1e}", flush=True)
        for reason, number in reasons.most_common(5):
            print(f"  {number} times {reason}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
