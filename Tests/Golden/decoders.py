"""Tiny random models of each family, with logits, loss, every gradient, and the weights after three AdamW steps."""

import copy
import json
import shutil

import numpy
import torch
import transformers
from gguf import GGMLQuantizationType
from gguf.quants import dequantize, quantize
from safetensors.torch import save_file
from transformers.models.llama import modeling_llama
from transformers.models.phi3 import modeling_phi3

VOCABULARY = 300
SIZES = dict(
    vocab_size=VOCABULARY,
    hidden_size=24,
    intermediate_size=40,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=128,
    attn_implementation="eager",
)
# Families whose classes name tokens that so small a vocabulary does not have.
SMALL = dict(SIZES, pad_token_id=None, bos_token_id=1, eos_token_id=2)
WIDE = dict(SMALL, hidden_size=32)
LLAMA3_ROPE = dict(
    rope_type="llama3",
    rope_theta=500000.0,
    factor=8.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=8192,
)
LINEAR_ROPE = dict(rope_type="linear", rope_theta=10000.0, factor=2.0)
YARN_ROPE = dict(rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=16)
GROWING_ROPE = dict(YARN_ROPE, original_max_position_embeddings=4, mscale=1.0, mscale_all_dim=1.0, llama_4_scaling_beta=0.1)
WINDOWS = dict(layer_types=["sliding_attention", "full_attention"], sliding_window=5)
MULTIPLIERS = dict(embedding_multiplier=6.0, residual_multiplier=0.375, attention_multiplier=0.3125, logits_scaling=2.0)


def longrope(original):
    factors = dict(short_factor=[1.0, 1.25, 1.5], long_factor=[1.5, 3.0, 4.0])
    rope = dict(factors, rope_type="longrope", rope_theta=10000.0, partial_rotary_factor=0.75)
    return dict(rope_parameters=rope, original_max_position_embeddings=original, tie_word_embeddings=True)


MODELS = {
    "llama": ("Llama", dict(SIZES)),
    "llama3_tied": ("Llama", dict(SIZES, tie_word_embeddings=True, rope_parameters=LLAMA3_ROPE)),
    "llama_bias": ("Llama", dict(SIZES, attention_bias=True, rope_parameters=LINEAR_ROPE)),
    "llama_partial": (
        "Llama",
        dict(SIZES, head_dim=8, mlp_bias=True, rope_parameters=dict(LINEAR_ROPE, partial_rotary_factor=0.5)),
    ),
    "llama_dynamic": (
        "Llama",
        dict(SIZES, max_position_embeddings=8, rope_parameters=dict(LINEAR_ROPE, rope_type="dynamic")),
    ),
    "llama_yarn": ("Llama", dict(SIZES, rope_parameters=YARN_ROPE)),
    "mistral": ("Mistral", dict(SIZES, head_dim=6, sliding_window=5)),
    "ministral": ("Ministral", dict(SMALL, head_dim=8, **WINDOWS)),
    "ministral3": (
        "Ministral3",
        dict(SMALL, head_dim=8, rope_parameters=GROWING_ROPE),
    ),
    "qwen2": ("Qwen2", dict(SIZES)),
    "qwen3": ("Qwen3", dict(SIZES, head_dim=10, tie_word_embeddings=True)),
    "smollm3": ("SmolLM3", dict(SMALL, no_rope_layers=[1, 0], use_sliding_window=True, sliding_window=5)),
    "smollm3_four": ("SmolLM3", dict(SMALL, num_hidden_layers=4)),
    "granite": ("Granite", dict(SMALL, **MULTIPLIERS)),
    "phi3": ("Phi3", dict(WIDE, sliding_window=5)),
    "phi3_long": ("Phi3", dict(WIDE, **longrope(4))),
    "phi3_short": ("Phi3", dict(WIDE, **longrope(64))),
    "olmo2": ("Olmo2", dict(SMALL)),
    "olmo3": (
        "Olmo3",
        dict(SMALL, **WINDOWS, rope_parameters=dict(full_attention=YARN_ROPE, sliding_attention=dict(rope_type="default"))),
    ),
    "gemma2": (
        "Gemma2",
        dict(SMALL, head_dim=10, sliding_window=5, query_pre_attn_scalar=7, attn_logit_softcapping=3.0, final_logit_softcapping=4.0),
    ),
    "gemma2_plain": ("Gemma2", dict(SMALL, head_dim=10, sliding_window=5, query_pre_attn_scalar=10)),
    "gemma3_six": ("Gemma3", dict(SMALL, num_hidden_layers=6, head_dim=10, query_pre_attn_scalar=10, sliding_window=5)),
    "gemma3": (
        "Gemma3",
        dict(SMALL, head_dim=10, query_pre_attn_scalar=7, **WINDOWS, rope_parameters=dict(full_attention=LINEAR_ROPE)),
    ),
    "mixtral": ("Mixtral", dict(SMALL, num_local_experts=4, num_experts_per_tok=2)),
    "qwen3_moe": (
        "Qwen3Moe",
        dict(SMALL, head_dim=10, moe_intermediate_size=12, num_experts=5, num_experts_per_tok=2, norm_topk_prob=True),
    ),
    "olmoe": ("Olmoe", dict(SMALL, num_key_value_heads=4, num_experts=4, num_experts_per_tok=3)),
    "gpt_oss": ("GptOss", dict(SMALL, head_dim=8, num_local_experts=4, num_experts_per_tok=2, sliding_window=5, swiglu_limit=1.0)),
    # With experts that four bits hold, as those of the released models.
    "gpt_oss_mxfp4": ("GptOss", dict(WIDE, intermediate_size=32, head_dim=8, num_local_experts=4, num_experts_per_tok=2, sliding_window=5)),
    "stablelm": ("StableLm", dict(WIDE, use_qkv_bias=True)),
    "glm4": ("Glm4", dict(SMALL, head_dim=8)),
    "gpt2": (
        "GPT2",
        dict(
            vocab_size=VOCABULARY, n_embd=24, n_layer=2, n_head=4, n_positions=256, bos_token_id=1, eos_token_id=2,
            resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, attn_implementation="eager",
        ),
    ),
}
# With a smaller epsilon, AdamW's first steps turn the rounding of gradients near 0 into updates of full size.
OPTIMIZER = dict(
    learning_rate=0.003, beta1=0.9, beta2=0.95, epsilon=1e-5, weight_decay=0.1, max_gradient_norm=0.5
)
STEPS = 3


def batches(whole=False):
    """Batches of different sizes, with masks and weights, as tensors by name; the last position counts if `whole`."""
    generator = torch.Generator().manual_seed(7)
    result = []
    for rows, columns in [(2, 11), (3, 7), (1, 9)]:
        shape = (rows, columns)
        mask = (torch.rand(shape, generator=generator) < 0.7).float()
        mask[0, 0] = 1
        if whole:
            mask[:, -1] = 1
        result.append(
            dict(
                inputIDs=torch.randint(0, VOCABULARY, shape, generator=generator),
                targetIDs=torch.randint(0, VOCABULARY, shape, generator=generator),
                targetMask=mask,
                targetWeights=torch.rand(shape, generator=generator) * 2 - 0.5,
            )
        )
    return result


def weighted_cross_entropy(model, batch):
    logits = model(batch["inputIDs"]).logits
    log_probs = torch.log_softmax(logits, -1).gather(-1, batch["targetIDs"][..., None])[..., 0]
    total = (-log_probs * batch["targetWeights"] * batch["targetMask"]).sum()
    return logits, log_probs, total / batch["targetMask"].sum()


def make(name):
    """A model with weights that hide no mistake."""
    family, options = MODELS[name]
    config_class = getattr(transformers, family + "TextConfig", None) or getattr(transformers, family + "Config")
    torch.manual_seed(len(name))
    model_class = getattr(transformers, family + "ForCausalLM", None) or getattr(transformers, family + "LMHeadModel")
    model = model_class(config_class(**copy.deepcopy(options))).float().train()
    # Gemma's norms multiply by their weight and 1.
    norm = 0.0 if family.startswith("Gemma") else 1.0
    for parameter in model.parameters():
        # Norms and biases begin at 1 and 0; move them, so that a mistake about them shows.
        torch.nn.init.normal_(parameter, norm if parameter.dim() == 1 else 0.0, 0.2)
    if name.endswith("mxfp4"):
        for name, parameter in model.named_parameters():
            if "experts" in name and parameter.dim() == 3:
                parameter.data = torch.from_numpy(in_four_bits(parameter.data.mT.numpy())).mT.contiguous()
    return model


def in_four_bits(rows):
    kind = GGMLQuantizationType.MXFP4
    return dequantize(quantize(numpy.ascontiguousarray(rows), kind), kind).reshape(rows.shape)


def write(folder, tokenizer_path, names=None):
    # transformers computes a part of the frequencies for a Llama that turns a part of each head, and then turns all of it.
    modeling_llama.apply_rotary_pos_emb = modeling_phi3.apply_rotary_pos_emb
    for name in names or MODELS:
        model = make(name)
        target = folder / name
        shutil.rmtree(target, ignore_errors=True)
        model.save_pretrained(target)
        shutil.copy(tokenizer_path, target / "tokenizer.json")
        golden = train(model)
        save_file({key: value.contiguous() for key, value in golden.items()}, target / "golden.safetensors")
        (target / "optimizer.json").write_text(json.dumps(OPTIMIZER) + "\n")


def stored(model, name, tensor):
    """A parameter, or what is made of it, under the names that it has in files: an expert's matrices each have their own."""
    mixtral = model.config.model_type == "mixtral"
    if mixtral:
        name = name.replace(".mlp.", ".block_sparse_moe.")
    if ".experts." not in name or model.config.model_type == "gpt_oss":
        return {name: tensor}
    stem, kind = name.rsplit(".", 1)
    gate, up, down = ("w1", "w3", "w2") if mixtral else ("gate_proj", "up_proj", "down_proj")
    result = {}
    for expert, matrix in enumerate(tensor):
        parts = zip([gate, up], matrix.chunk(2), strict=True) if kind == "gate_up_proj" else [(down, matrix)]
        result.update({f"{stem}.{expert}.{part}.weight": rows.clone() for part, rows in parts})
    return result


def train(model):
    """Runs the steps; returns what the first batch gives, and the weights at the end."""
    options = OPTIMIZER
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [dict(params=decayed, weight_decay=options["weight_decay"]), dict(params=others, weight_decay=0.0)],
        lr=options["learning_rate"],
        betas=(options["beta1"], options["beta2"]),
        eps=options["epsilon"],
    )
    golden = {}
    # Where frequencies depend on the length of a batch, transformers counts positions that no target depends on.
    rope = getattr(model.config, "rope_parameters", None) or {}
    for index, batch in enumerate(batches(whole=rope.get("rope_type") == "dynamic")):
        golden.update({f"batch{index}.{key}": value.float() for key, value in batch.items()})
        logits, log_probs, loss = weighted_cross_entropy(model, batch)
        loss.backward()
        if index == 0:
            golden["logits"] = logits.detach()
            golden["logProbs"] = log_probs.detach()
            for name, parameter in model.named_parameters():
                golden.update({f"gradient.{n}": g for n, g in stored(model, name, parameter.grad.clone()).items()})
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), options["max_gradient_norm"])
        golden[f"loss{index}"] = loss.detach().reshape(1)
        golden[f"norm{index}"] = norm.detach().reshape(1)
        optimizer.step()
        optimizer.zero_grad()
    for name, parameter in model.named_parameters():
        golden.update({f"after.{n}": t for n, t in stored(model, name, parameter.detach().clone()).items()})
    return golden
