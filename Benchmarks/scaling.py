"""How speed and memory follow a model's width, the sequence length, the batch and the threads: scaling.py PROGRAM.

Each row is a process of its own that trains a random model of 8 layers on random tokens. Beside it stands what the cost
model below expects from two figures of the machine, the speed of matrix products and of reading memory, both measured in
that process. The rows go to Benchmarks/results/scaling.json.
"""

import json
import statistics
import sys

import inputs
import worker
from bench import RESULTS, machine

LAYERS, VOCABULARY, HEAD = 8, 16384, 64
BASE = dict(width=576, sequence=256, batch=4, threads=worker.THREADS)
VARIED = dict(
    width=[256, 576, 1024, 1536], sequence=[64, 256, 1024, 4096], batch=[1, 4, 16],
    threads=sorted({1, *(2**power for power in range(1, 10) if 2**power < worker.THREADS), worker.THREADS}),
)
# What the engine holds for a token in each layer for the way back, and reads or writes of it there and back.
SLICE = 640


def main():
    program = sys.argv[1]
    rows = []
    for name, values in VARIED.items():
        for value in values:
            setting = BASE | {name: value}
            if not any(row["setting"] == setting for row in rows):
                rows.append(measured(program, setting) | dict(varied=name))
                print(line(rows[-1]), file=sys.stderr, flush=True)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "scaling.json").write_text(json.dumps(dict(machine=machine(), rows=rows), indent=2) + "\n")
    print(f"{machine()}, float32, {LAYERS} layers, vocabulary {VOCABULARY}\n")
    print(line(None))
    for row in rows:
        print(line(row))


def measured(program, setting):
    tokens = setting["sequence"] * setting["batch"]
    model = random_model(setting["width"])
    batches = inputs.random_batches(4, setting["batch"], setting["sequence"], VOCABULARY)
    with worker.Worker([program, str(model), str(setting["threads"])]) as ours:
        steps = [ours.run(train=batch) for batch in batches]
        memory = steps[-1]["peakMemory"]
        products = [ours.run(products=dict(tokens=min(tokens, SLICE), predicted=min(tokens, SLICE), backward=True)) for _ in range(3)]
        bandwidth = [ours.run(bandwidth=True) for _ in range(3)]
    seconds = statistics.median(step["seconds"] for step in steps[1:])
    cost = Cost(setting["width"])
    rate = cost.product_operations * min(tokens, SLICE) / min(answer["seconds"] for answer in products)
    speed = max(answer["bytes"] / answer["seconds"] for answer in bandwidth)
    expected = cost.seconds(setting["batch"], setting["sequence"], rate, speed)
    return dict(
        setting=setting, tokensPerSecond=tokens / seconds, expectedTokensPerSecond=tokens / expected,
        memory=memory, expectedMemory=cost.memory(setting["batch"], setting["sequence"]),
        productsPerSecond=rate, bytesPerSecond=speed)


class Cost:
    """The cost model: what a step needs, by the sizes of the model and the batch."""

    def __init__(self, width):
        self.width, self.feed_forward = width, feed_forward(width)
        self.projected = width + 2 * key_value_heads(width) * HEAD
        layer = width * self.projected + width * width + 3 * width * self.feed_forward
        self.weights = LAYERS * layer + VOCABULARY * width

    @property
    def product_operations(self):
        """Of all linear layers for one token: forward, input gradient, weight gradient, 2 each for a weight."""
        return 6 * self.weights

    def seconds(self, batch, sequence, rate, speed):
        tokens = batch * sequence
        # Two products forward, five backward, half of them masked.
        attention = 7 * LAYERS * sequence * self.width
        # AdamW reads four numbers a weight and writes three, and the norm reads one.
        optimizer = 32 * self.weights
        # What lies between the products, written and read: about as often as this.
        between = 4 * LAYERS * (30 * self.width + 20 * self.feed_forward) + 4 * 6 * VOCABULARY
        return tokens * (self.product_operations + attention) / rate + (optimizer + tokens * between) / speed

    def memory(self, batch, sequence):
        # Rows run in slices of whole sequences.
        tokens = min(batch * sequence, max(sequence, SLICE // sequence * sequence))
        layer = 3 * self.width + self.projected + 2 * self.feed_forward
        flow = 6 * self.width + 2 * self.projected + 4 * self.feed_forward
        logits = min(tokens, (1 << 25) // VOCABULARY) * VOCABULARY
        return 4 * (4 * self.weights + tokens * (LAYERS * layer + flow) + logits)


def feed_forward(width):
    return (width * 8 // 3 + 63) // 64 * 64


def key_value_heads(width):
    heads = width // HEAD
    return heads // 3 if heads % 3 == 0 else heads // 4 if heads % 4 == 0 else heads


def random_model(width):
    model = inputs.FOLDER / f"random-{LAYERS}x{width}"
    if not model.exists():
        import torch
        from transformers import LlamaConfig, LlamaForCausalLM

        torch.manual_seed(0)
        LlamaForCausalLM(
            LlamaConfig(
                vocab_size=VOCABULARY, hidden_size=width, intermediate_size=feed_forward(width),
                num_hidden_layers=LAYERS, num_attention_heads=width // HEAD, num_key_value_heads=key_value_heads(width),
                max_position_embeddings=8192, tie_word_embeddings=True,
            )
        ).save_pretrained(model)
    return model


def line(row):
    if row is None:
        return "varied      width  sequence  batch  threads  tokens/s  expected  memory, GB  expected  GFLOP/s   GB/s"
    setting = row["setting"]
    return (
        f"{row['varied']:<10} {setting['width']:>6} {setting['sequence']:>9} {setting['batch']:>6} {setting['threads']:>8}"
        f" {row['tokensPerSecond']:>9.0f} {row['expectedTokensPerSecond']:>9.0f} {row['memory'] / 1e9:>11.2f}"
        f" {row['expectedMemory'] / 1e9:>9.2f} {row['productsPerSecond'] / 1e9:>8.0f} {row['bytesPerSecond'] / 1e9:>6.1f}"
    )


if __name__ == "__main__":
    main()
