"""The peer's side of a benchmark, as a user of torch and transformers writes it: peer.py MODEL THREADS.

Reads one job a line from standard input, as JSON, and answers each with a line: what SwageBenchmarks does with ours.
"""

import json
import pathlib
import re
import sys
import time

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint
from transformers import AutoModelForCausalLM

torch.set_num_threads(int(sys.argv[2]))
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32, attn_implementation="sdpa")
model.train()
optimizer = None


def train(sequences):
    """One step of full fine-tuning on sequences padded to the longest; what is not learned has label -100."""
    global optimizer
    if optimizer is None:
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, weight_decay=0.0, fused=True)
    model.train()
    start = time.perf_counter()
    longest = max(len(sequence["ids"]) for sequence in sequences)
    ids = torch.zeros(len(sequences), longest, dtype=torch.long)
    labels = torch.full((len(sequences), longest), -100)
    attention = torch.zeros(len(sequences), longest, dtype=torch.long)
    for row, sequence in enumerate(sequences):
        tokens = torch.tensor(sequence["ids"])
        ids[row, : len(tokens)] = tokens
        attention[row, : len(tokens)] = 1
        labels[row, : len(tokens)] = torch.where(torch.tensor(sequence["learned"]) > 0, tokens, -100)
    loss = model(input_ids=ids, attention_mask=attention, labels=labels).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return dict(seconds=time.perf_counter() - start, loss=loss.item())


@torch.no_grad()
def generate(prompts):
    model.eval()
    start = time.perf_counter()
    ids = torch.tensor(prompts)
    output = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=64, do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
        eos_token_id=None, pad_token_id=0,
    )
    seconds = time.perf_counter() - start
    assert output.shape[1] == ids.shape[1] + 64, output.shape
    return dict(seconds=seconds)


def compute_loss(name, tokens):
    """Loss and gradients: what a user of transformers writes, logits and torch's cross_entropy; or the reference
    formulation of cut cross entropy on a CPU, chunks of positions whose logits are computed again on the way back."""
    vocabulary = model.config.vocab_size
    ids = torch.tensor([[i * 7919 % vocabulary for i in range(tokens)]])
    targets = ids.flip(1)[0]

    def cross_entropy():
        return F.cross_entropy(model(ids).logits[0], targets)

    def chunk_loss(hidden, head, chunk_targets):
        return F.cross_entropy(hidden @ head.T, chunk_targets, reduction="sum")

    def linear_cross_entropy(chunk=128):
        hidden = model.model(ids).last_hidden_state[0]
        parts = [
            checkpoint(chunk_loss, h, model.lm_head.weight, t, use_reentrant=False)
            for h, t in zip(hidden.split(chunk), targets.split(chunk), strict=True)
        ]
        return sum(parts) / tokens

    start = time.perf_counter()
    loss = {"cross-entropy": cross_entropy, "linear-cross-entropy": linear_cross_entropy}[name]()
    loss.backward()
    return dict(seconds=time.perf_counter() - start, loss=loss.item())


def answer(job):
    if "train" in job:
        return train(job["train"])
    if "generate" in job:
        return generate(job["generate"])
    return compute_loss(**job["loss"])


def peak_memory():
    """In bytes. Linux lets ru_maxrss begin with what the parent has held."""
    status = pathlib.Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmHWM:\s*(\d+)", status)[1])


for line in sys.stdin:
    result = answer(json.loads(line))
    result["peakMemory"] = peak_memory()
    print(json.dumps(result), flush=True)
