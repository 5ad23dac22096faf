"""A guard against slow code that no clock takes part in: check.py PROGRAM [--write].

Counts, under callgrind and on one thread, the instructions that each kernel takes for the same jobs: two training steps
of a small random model, and a few tokens of writing. Then what one more step and one more token allocate. Fails where a count
is higher than Benchmarks/counts.json allows; --write replaces the counts there by those of this build.
"""

import array
import collections
import json
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

BASELINE = pathlib.Path(__file__).parent / "counts.json"
# What a compiler of the same version may choose otherwise, and no more.
TOLERANCE = 0.03
HIDDEN, FEED_FORWARD, LAYERS, HEADS, KEY_HEADS, HEAD, VOCABULARY = 192, 512, 2, 3, 1, 64, 1024
# Kernels below this share of all instructions are counted with the rest of the program.
SMALLEST_SHARE = 0.002
REST = "everything else in the program"
TOKENS_WRITTEN = 64
# Our own products, wherever a library may lie.
OWN_PRODUCTS = os.environ | {"SWAGE_BLAS": "none"}


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        write_model(pathlib.Path(folder, "model"))
        found = {"allocations": allocations(program, folder)}
        if shutil.which("valgrind"):
            found = {"instructions": instructions(program, folder)} | found
        elif "--write" in sys.argv:
            sys.exit("instructions are counted with valgrind, which is not there; on Debian: apt install valgrind")
        else:
            print("instructions are left out, for valgrind is not there; on Debian: apt install valgrind")
    if "--write" in sys.argv:
        BASELINE.write_text(json.dumps(found, indent=2) + "\n")
    expected = json.loads(BASELINE.read_text())
    higher = [name for what in found for name in compare(what, found[what], expected.get(what, {}))]
    if higher:
        sys.exit(
            f"\n{len(higher)} take over {TOLERANCE:.0%} more than before: {', '.join(higher)}.\n"
            "If that is wanted, `make bench-check ARGS=--write` makes these the new counts.")


def compare(what, found, expected):
    """Prints the counts beside those of before, and returns the names of those that are higher."""
    higher = [name for name in found if found[name] > expected.get(name, 0) * (1 + TOLERANCE)]
    width = max(map(len, found.keys() | expected.keys()))
    print(f"{what.ljust(width)} {'counted':>16} {'allowed':>16} {'change':>8}")
    for name, count in sorted(found.items(), key=lambda item: -item[1]):
        before = expected.get(name)
        change = f"{count / before - 1:+.1%}" if before else "new"
        print(f"{name.ljust(width)} {count:>16,} {before or 0:>16,} {change:>8}{'  higher' if name in higher else ''}")
    for name in expected.keys() - found.keys():
        print(f"{name.ljust(width)} {'gone':>16} {expected[name]:>16,}")
    return higher


def allocations(program, folder):
    """What one more of a thing allocates, once one was done: the difference between two runs."""
    counter = pathlib.Path(folder, "allocations.so")
    source = pathlib.Path(__file__).with_name("allocations.c")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", counter, source], check=True)
    step, _, *writing = jobs()

    def count(jobs):
        told = pathlib.Path(folder, "allocations")
        subprocess.run(
            [program, f"{folder}/model", "1"], input="".join(json.dumps(job) + "\n" for job in jobs), text=True, check=True,
            stdout=subprocess.DEVNULL,
            env=OWN_PRODUCTS | dict(LD_PRELOAD=str(counter), COUNT_ALLOCATIONS=str(told), SWIFT_DETERMINISTIC_HASHING="1"))
        return int(told.read_text())

    return {
        "one more step": count([step, step, step]) - count([step, step]),
        "one more token": round((count([writing[0]] * 3) - count([writing[0]] * 2)) / TOKENS_WRITTEN),
    }


def instructions(program, folder):
    """Instructions by kernel, in the program itself: a library's products are not ours to count."""
    # Valgrind gives up at debugging information that is newer than itself.
    stripped, profile = pathlib.Path(folder, pathlib.Path(program).name), pathlib.Path(folder, "callgrind.out")
    subprocess.run(["strip", "--strip-debug", "-o", stripped, program], check=True)
    subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", "--quiet", stripped, f"{folder}/model", "1"],
        input="".join(json.dumps(job) + "\n" for job in jobs()), text=True, check=True, stdout=subprocess.DEVNULL, env=OWN_PRODUCTS)
    report = subprocess.run(
        ["callgrind_annotate", "--threshold=100", profile], text=True, check=True, capture_output=True).stdout
    # 1,234,567 (12.3%)  ???:swage_add.arch_x86_64_v3 [/path/to/program]
    row = re.compile(r"^\s*([\d,]+) \([^)]*\)\s+\S*?:(.+?) \[(.+)\]$", re.MULTILINE)
    found = collections.Counter()
    for count, function, place in row.findall(report):
        if pathlib.Path(place).name == pathlib.Path(program).name:
            kernel = re.match(r"(swage_\w+|(?:wide|narrow)_of_\d+)", function)
            found[kernel[1] if kernel else REST] += int(count.replace(",", ""))
    for kernel in [name for name in found if found[name] < SMALLEST_SHARE * found.total()]:
        found[REST] += found.pop(kernel)
    return dict(found)


def jobs():
    generator = random.Random(0)

    def tokens(count):
        return [generator.randrange(VOCABULARY) for _ in range(count)]

    step = {"train": [{"ids": tokens(49), "learned": [1] * 49}, {"ids": tokens(17), "learned": [1] * 17}]}
    return [step, step, {"generate": [tokens(8)]}, {"generate": [tokens(8), tokens(8)]}]


def write_model(folder):
    folder.mkdir()
    shapes = {"model.embed_tokens.weight": [VOCABULARY, HIDDEN], "model.norm.weight": [HIDDEN]}
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}."
        shapes |= {
            prefix + "input_layernorm.weight": [HIDDEN], prefix + "post_attention_layernorm.weight": [HIDDEN],
            prefix + "self_attn.q_proj.weight": [HEADS * HEAD, HIDDEN],
            prefix + "self_attn.k_proj.weight": [KEY_HEADS * HEAD, HIDDEN],
            prefix + "self_attn.v_proj.weight": [KEY_HEADS * HEAD, HIDDEN],
            prefix + "self_attn.o_proj.weight": [HIDDEN, HEADS * HEAD],
            prefix + "mlp.gate_proj.weight": [FEED_FORWARD, HIDDEN], prefix + "mlp.up_proj.weight": [FEED_FORWARD, HIDDEN],
            prefix + "mlp.down_proj.weight": [HIDDEN, FEED_FORWARD],
        }
    config = dict(
        model_type="llama", architectures=["LlamaForCausalLM"], vocab_size=VOCABULARY, hidden_size=HIDDEN,
        intermediate_size=FEED_FORWARD, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        num_key_value_heads=KEY_HEADS, head_dim=HEAD, rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=True,
        max_position_embeddings=2048, hidden_act="silu",
    )
    (folder / "config.json").write_text(json.dumps(config))
    generator, header, data = random.Random(1), {}, array.array("f")
    for name, shape in shapes.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = dict(dtype="F32", shape=shape, data_offsets=[4 * len(data), 4 * (len(data) + count)])
        data.extend(generator.uniform(-0.05, 0.05) + (len(shape) == 1) for _ in range(count))
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data.tobytes())


if __name__ == "__main__":
    main()
