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


# What is put through it, what that needs to be set up, and how.
ENGINES = {
    "native": (None, swage([])),
    "native, served": (None, served([])),
    "huggingface": ("huggingface", swage(HUGGING_FACE)),
    "huggingface, served": ("huggingface", served(HUGGING_FACE)),
    "third party": ("huggingface", third_party),
    "titan": ("titan", swage(TITAN)),
    "titan, FSDP2 on 2 ranks": ("titan", swage([*TITAN, "--data-parallel", "2"])),
    "titan, served": ("titan", served(TITAN)),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("swage", type=os.path.abspath)
    parser.add_argument("model", type=os.path.abspath)
    parser.add_argument("--only", nargs="+", choices=ENGINES, default=list(ENGINES))
    options = parser.parse_args()
    failures = {}
    for name in options.only:
        needed, run = ENGINES[name]
        if needed and not (HOME / needed / "installed.txt").exists():
            print(f"{name:<26} left out: swage setup {needed}")
            continue
        with tempfile.TemporaryDirectory(prefix="swage-", dir="/tmp") as folder:
            start = time.time()
            with run([options.swage, "conformance", *RATE], options.model, folder) as arguments:
                result = subprocess.run(arguments, cwd=folder, capture_output=True, text=True)
            counts = re.search(r"\d+ passed, \d+ failed.*", result.stdout)
            print(f"{name:<26} {counts[0] if counts else 'did not start':<24} {time.time() - start:6.1f} s", flush=True)
            if result.returncode != 0:
                failures[name] = result.stdout + result.stderr
    for name, text in failures.items():
        print(f"\n{name}:\n{text}")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
