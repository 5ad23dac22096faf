"""Runs ours and the peer in turn and prints one table: bench.py JOB PROGRAM. `make bench JOB=linear-cross-entropy`.

A figure is a ratio of two programs that ran in turn on the machine at hand, and above 1 is better. Results go to
Benchmarks/results/JOB.json.
"""

import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
ROUNDS = int(os.environ.get("ROUNDS", 5))
THREADS = os.cpu_count()
TOKENS = 1024


def main():
    job, program = sys.argv[1], sys.argv[2]
    if job not in JOBS:
        sys.exit(f"there is no job {job}; there are: {', '.join(JOBS)}")
    result = dict(job=job, machine=machine(), versions=versions(), threads=THREADS, runs=ROUNDS) | JOBS[job](program)
    path = HERE / "results" / f"{job}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(f"\nwritten to {path}")


def linear_cross_entropy(program):
    """Loss and gradients of a model that is nearly all output head, with and without the logits."""
    rows = []
    for vocabulary in (49152, 151936):
        with tempfile.TemporaryDirectory() as folder:
            make_model(folder, vocabulary)
            for loss in ("cross-entropy", "linear-cross-entropy"):
                rows.append(dict(vocabulary=vocabulary, loss=loss) | compare(program, folder, loss))
    worst = min(rows, key=lambda row: row["ratio"])
    return dict(unit="s", rows=rows) | {key: worst[key] for key in ("ours", "peer", "ratio", "peakMemoryOurs", "peakMemoryPeer")}


def loss_call(program):
    """What a loss costs before any work, traced before, against tracing it anew."""
    ours, anew = [], []
    for _ in range(ROUNDS):
        ours.append(run([program, "call"]))
        anew.append(run([program, "trace"]))
    row = dict(unit="s", ours=median(ours), peer=median(anew))
    row["ratio"] = row["peer"] / row["ours"]
    print(f"cached {row['ours'] * 1e6:.1f} µs, traced anew {row['peer'] * 1e6:.1f} µs, ratio {row['ratio']:.1f}")
    return row


def compare(program, folder, loss):
    arguments = [folder, loss, str(TOKENS), str(THREADS)]
    ours, peer = [], []
    for _ in range(ROUNDS):
        ours.append(run([program, "loss", *arguments]))
        peer.append(run([sys.executable, "-B", str(HERE / "peer_loss.py"), *arguments]))
    row = dict(
        ours=median(ours), peer=median(peer), spreadOurs=spread(ours), spreadPeer=spread(peer),
        peakMemoryOurs=max(r["peakMemory"] for r in ours), peakMemoryPeer=max(r["peakMemory"] for r in peer),
    )
    row["ratio"] = row["peer"] / row["ours"]
    print(
        f"{loss:22}  ours {row['ours']:.2f} s ±{row['spreadOurs']:.0%}  torch {row['peer']:.2f} s ±{row['spreadPeer']:.0%}"
        f"  ratio {row['ratio']:.2f}  memory {row['peakMemoryOurs'] / 1e9:.2f} / {row['peakMemoryPeer'] / 1e9:.2f} GB",
        flush=True,
    )
    return row


def run(command):
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(THREADS)}
    output = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    return json.loads(output.splitlines()[-1])


def median(runs):
    return statistics.median(second for run in runs for second in run["seconds"])


def spread(runs):
    values = [statistics.median(run["seconds"]) for run in runs]
    return (max(values) - min(values)) / 2 / statistics.median(values)


def make_model(folder, vocabulary):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    print(f"vocabulary {vocabulary}, {TOKENS} tokens, hidden size 576, one layer, {THREADS} threads")
    LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary, hidden_size=576, intermediate_size=1536, num_hidden_layers=1, num_attention_heads=9,
            num_key_value_heads=3, tie_word_embeddings=True,
        )
    ).save_pretrained(folder)


def machine():
    model = [line for line in open("/proc/cpuinfo") if line.startswith("model name")] if os.path.exists("/proc/cpuinfo") else []
    return f"{model[0].split(':')[1].strip() if model else platform.processor()}, {os.cpu_count()} cores"


def versions():
    import torch
    import transformers

    return dict(torch=torch.__version__, transformers=transformers.__version__, python=platform.python_version())


JOBS = {"linear-cross-entropy": linear_cross_entropy, "loss-call": loss_call}

if __name__ == "__main__":
    main()
