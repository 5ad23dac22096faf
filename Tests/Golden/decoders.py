"""Tiny random models of each family, with logits, loss, every gradient, and the weights after three AdamW steps."""

import json
import shutil

import torch
from safetensors.torch import save_file
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

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
LLAMA3_ROPE = dict(
    rope_type="llama3",
    rope_theta=500000.0,
    factor=8.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=8192,
)
MODELS = {
    "llama": (LlamaForCausalLM, LlamaConfig(**SIZES)),
    "llama3_tied": (
        LlamaForCausalLM,
        LlamaConfig(**SIZES, tie_word_embeddings=True, rope_parameters=LLAMA3_ROPE),
    ),
    "llama_bias": (
        LlamaForCausalLM,
        LlamaConfig(
            **SIZES,
            attention_bias=True,
            rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=2.0),
        ),
    ),
    "mistral": (MistralForCausalLM, MistralConfig(**SIZES, head_dim=6, sliding_window=5)),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config(**SIZES)),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config(**SIZES, head_dim=10, tie_word_embeddings=True)),
}
# With a smaller epsilon, AdamW's first steps turn the rounding of gradients near 0 into updates of full size.
OPTIMIZER = dict(
    learning_rate=0.003, beta1=0.9, beta2=0.95, epsilon=1e-5, weight_decay=0.1, max_gradient_norm=0.5
)
STEPS = 3


def batches():
    """Batches of different sizes, with masks and weights, as tensors by name."""
    generator = torch.Generator().manual_seed(7)
    result = []
    for rows, columns in [(2, 11), (3, 7), (1, 9)]:
        shape = (rows, columns)
        mask = (torch.rand(shape, generator=generator) < 0.7).float()
        mask[0, 0] = 1
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


def write(folder, tokenizer_path):
    for name, (model_class, config) in MODELS.items():
        torch.manual_seed(len(name))
        model = model_class(config).float().train()
        for parameter in model.parameters():
            # Norms and biases begin at 1 and 0; move them, so that a mistake about them shows.
            torch.nn.init.normal_(parameter, 1.0 if parameter.dim() == 1 else 0.0, 0.2)
        target = folder / name
        shutil.rmtree(target, ignore_errors=True)
        model.save_pretrained(target)
        shutil.copy(tokenizer_path, target / "tokenizer.json")
        golden = train(model)
        save_file({key: value.contiguous() for key, value in golden.items()}, target / "golden.safetensors")
        (target / "optimizer.json").write_text(json.dumps(OPTIMIZER) + "\n")


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
    for index, batch in enumerate(batches()):
        golden.update({f"batch{index}.{key}": value.float() for key, value in batch.items()})
        logits, log_probs, loss = weighted_cross_entropy(model, batch)
        loss.backward()
        if index == 0:
            golden["logits"] = logits.detach()
            golden["logProbs"] = log_probs.detach()
            golden.update({f"gradient.{n}": p.grad.clone() for n, p in model.named_parameters()})
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), options["max_gradient_norm"])
        golden[f"loss{index}"] = loss.detach().reshape(1)
        golden[f"norm{index}"] = norm.detach().reshape(1)
        optimizer.step()
        optimizer.zero_grad()
    golden.update({f"after.{n}": p.detach().clone() for n, p in model.named_parameters()})
    return golden
