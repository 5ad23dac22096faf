"""The peer's side of the loss benchmarks: peer_loss.py MODEL NAME TOKENS THREADS. Prints what ours prints.

cross-entropy is what a user of transformers writes: logits, then torch's cross_entropy. linear-cross-entropy is the
reference formulation of cut cross entropy on a CPU: chunks of positions, logits computed again in the backward pass.
"""

import json
import resource
import sys
import time

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint
from transformers import AutoModelForCausalLM

model_path, name, tokens, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads)
model = AutoModelForCausalLM.from_pretrained(model_path).train()
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
        for h, t in zip(hidden.split(chunk), targets.split(chunk))
    ]
    return sum(parts) / tokens


run = {"cross-entropy": cross_entropy, "linear-cross-entropy": linear_cross_entropy}[name]
seconds = []
for index in range(4):
    start = time.perf_counter()
    run().backward()
    if index:
        seconds.append(time.perf_counter() - start)
print(json.dumps(dict(seconds=seconds, peakMemory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)))
