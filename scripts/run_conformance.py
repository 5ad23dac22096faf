"""Puts every engine through the nine promises of the protocol, by the command that a person types:
run_conformance.py SWAGE MODEL [--only NAME ...]. An engine that is not set up is left out, and named."""

import argparse
import contextlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).parents[1]
HOME = pathlib.Path(os.environ.get("SWAGE_HOME", pathlib.Path.home() / ".swage")) / "environments"
CPP_TRAINER = ROOT / "examples/cpp-trainer/build/trainer"
RATE = ["--learning-rate", "1e-3", "--schedule", "constant"]
HUGGING_FACE, TITAN = ["--engine", "huggingface", "--device", "cpu"], ["--engine", "titan", "--threads", "1"]


def swage(options):
    """What runs the suite on an engine in the command's own process, or its worker."""
    return lambda command, model, folder: contextlib.nullcontext([*command, "--model", model, *options])


@contextlib.contextmanager
def process(arguments, command, socket, folder, **options):
    """What runs the suite on a trainer that a process serves."""
    started = subprocess.Popen(arguments, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        deadline = time.time() + 120
        while not os.path.exists(socket) and started.poll() is None and time.time() < deadline:
            time.sleep(0.05)
        yield [*command, "--engine", "remote", "--address", f"unix:{socket}"]
    finally:
        started.terminate()
        started.wait(60)


def of_family(name, options):
    """Of another family than the model that is given: a small one of the tests."""
    return lambda command, model, folder: swage(options)(command, ROOT / "Tests/Golden/decoders" / name, folder)


def served(options):
    def run(command, model, folder):
        socket = f"{folder}/s"
        serving = [command[0], "serve", "--model", model, "--listen", f"unix:{socket}", *RATE, *options]
        return process(serving, command, socket, folder)

    return run


def third_party(command, model, folder):
    socket, environment = f"{folder}/s", os.environ | {"PYTHONPATH": str(ROOT / "python/swage_worker/generated")}
    arguments = [HOME / "huggingface/bin/python", "-B", ROOT / "examples/third_party_trainer.py", model, f"unix:{socket}"]
    return process(arguments, command, socket, folder, env=environment)


def in_cpp(command, model, folder):
    socket = f"{folder}/s"
    return process([CPP_TRAINER, model, f"unix:{socket}", f"{folder}/checkpoints", *RATE[:2]], command, socket, folder)


# What has to be there, by the command that makes it.
NEEDS = {
    "swage setup huggingface": HOME / "huggingface/installed.txt",
    "swage setup titan": HOME / "titan/installed.txt",
    "make cpp-trainer": CPP_TRAINER,
}
# What is put through it, what that needs, and how.
ENGINES = {
    "native": (None, swage([])),
    "native, served": (None, served([])),
    "huggingface": ("swage setup huggingface", swage(HUGGING_FACE)),
    "huggingface, served": ("swage setup huggingface", served(HUGGING_FACE)),
    "huggingface, Gemma 2": ("swage setup huggingface", of_family("gemma2", HUGGING_FACE)),
    "huggingface, OLMoE": ("swage setup huggingface", of_family("olmoe", HUGGING_FACE)),
    "huggingface, GPT-OSS": ("swage setup huggingface", of_family("gpt_oss", HUGGING_FACE)),
    "third party in Python": ("swage setup huggingface", third_party),
    "third party in C++": ("make cpp-trainer", in_cpp),
    "titan": ("swage setup titan", swage(TITAN)),
    "titan, FSDP2 on 2 ranks": ("swage setup titan", swage([*TITAN, "--data-parallel", "2"])),
    "titan, served": ("swage setup titan", served(TITAN)),
}


def check(run, options, folder):
    with run([options.swage, "conformance", *RATE], options.model, folder) as arguments:
        return subprocess.run(arguments, cwd=folder, capture_output=True, text=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("swage", type=os.path.abspath)
    parser.add_argument("model", type=os.path.abspath)
    parser.add_argument("--only", nargs="+", choices=ENGINES, default=list(ENGINES))
    options = parser.parse_args()
    failures, total = {}, [0, 0]
    for name in options.only:
        needed, run = ENGINES[name]
        if needed and not NEEDS[needed].exists():
            print(f"{name:<26} left out: {needed}")
            continue
        with tempfile.TemporaryDirectory(prefix="swage-") as folder:
            start = time.time()
            result = check(run, options, folder)
            if "failed: Killed(sig=11)" in result.stderr:
                # A thread of Monarch's own reads the environment while another writes to it.
                print(f"{name:<26} a process of Monarch's crashed; once more", flush=True)
                result = check(run, options, folder)
            counts = re.search(r"(\d+) passed, (\d+) failed.*", result.stdout)
            total = [total[0] + int(counts[1]), total[1] + int(counts[2])] if counts else [total[0], total[1] + 9]
            print(f"{name:<26} {counts[0] if counts else 'did not start':<24} {time.time() - start:6.1f} s", flush=True)
            if result.returncode != 0:
                failures[name] = result.stdout + result.stderr
    print(f"\n{total[0]} passed, {total[1]} failed")
    for name, text in failures.items():
        print(f"\n{name}:\n{text}")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
