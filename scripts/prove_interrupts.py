"""Runs that are ended by signals at random moments end as the run that nothing has ended: prove_interrupts.py SWAGE MODEL
[--engine ENGINE] [--count N] [--seed S] [--commands sft dpo grpo evaluate] [--signals KILL TERM INT HUP].

N signals of each kind are divided over the commands. After each: what was said to be saved is there and whole, the record
of steps is the beginning of the unbroken run's, bit for bit (to --tolerance elsewhere than on native), and the exit status is
what it has to be. The same command goes on until it is done; then the record and the exported model are those of the
unbroken run, and nothing is left over: no half-written file, no scratch folder, no process, no change beside the output."""

import argparse
import collections
import contextlib
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

KEEP = 2
# How long a command may take that nothing ends, and how long one may take to end once it is told to.
PATIENCE = 900


class Wrong(Exception):
    pass


def check(holds, text):
    if not holds:
        raise Wrong(text)


class Case:
    """One command on one engine, and its unbroken run."""

    def __init__(self, command, options, folder):
        self.name, self.options, self.folder = command, options, folder / command
        self.folder.mkdir()
        self.inputs, self.temporary = self.folder / "inputs", self.folder / "tmp"
        self.inputs.mkdir(), self.temporary.mkdir()
        self.server = None
        self.records = ["losses.jsonl", "answers.jsonl"] if command == "evaluate" else ["metrics.jsonl"]
        self.arguments = [options.swage, command, *self.task(command), *self.engine()]
        self.expected = self.whole(self.folder / "unbroken")

    def task(self, command):
        steps = str(self.options.steps.get(command, 0))
        if command == "sft":
            data = self.write("chats.jsonl", ({"prompt": f"Question {i}", "completion": " answer " + "so " * (i % 7)} for i in range(40)))
            return ["--data", data, "--sequence-length", "48", "--steps", steps]
        if command == "dpo":
            data = self.write("pairs.jsonl", ({"prompt": f"Number {i}", "chosen": " good", "rejected": f" bad {i}"} for i in range(12)))
            return ["--data", data, "--held-out", data, "--pairs-per-step", "2", "--steps", steps]
        writing = ["--chat-template", "chatml"] if self.options.engine != "remote" else []
        if command == "grpo":
            return ["--arithmetic", "1", "--problems-per-rollout", "2", "--group-size", "4", "--reward", "finished", "number:0.5",
                    "--held-out-limit", "6", "--max-tokens", "6", "--show-every", "0", "--steps", steps, *writing]
        rows = ({"prompt": f"Question {i}", "completion": " answer " + "so " * (i % 7)} for i in range(self.options.examples))
        data = self.write("texts.jsonl", rows)
        return ["--data", data, "--sequence-length", "48", "--arithmetic", "2", "--limit", str(self.options.examples), "--samples", "4",
                "--max-tokens", "12", "--reward", "finished", "--concurrency", "4", *writing]

    def write(self, name, rows):
        path = self.inputs / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(path)

    def engine(self):
        trains = ["--learning-rate", "1e-3", "--schedule", "constant"] if self.name != "evaluate" else []
        own = {
            "native": ["--threads", "1"], "huggingface": ["--engine", "huggingface", "--threads", "1"],
            "titan": ["--engine", "titan", "--data-parallel", "2", "--threads", "1"],
            "remote": ["--engine", "remote", "--address", f"unix:{self.folder}/s"],
        }[self.options.engine]
        return own + ([] if self.options.engine == "remote" else ["--model", self.options.model, *trains])

    def start(self, output, **more):
        if self.options.engine == "remote" and (self.server is None or self.server.poll() is not None):
            self.serve()
        command = self.arguments + ["--output", str(output)]
        if self.name != "evaluate":
            command += ["--save-every", str(self.options.random.choice([1, 2, 3, 7])), "--keep-checkpoints", str(KEEP)]
        return subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": str(self.temporary)},
            start_new_session=True, preexec_fn=_default_signals, **more)

    def serve(self):
        self.stop_server()
        (self.folder / "s").unlink(missing_ok=True)
        self.server = subprocess.Popen(
            [self.options.swage, "serve", "--model", self.options.model, "--listen", f"unix:{self.folder}/s", "--allow", str(self.folder),
             "--threads", "1", "--learning-rate", "1e-3", "--schedule", "constant", "--chat-template", "chatml", "--log-level", "error"],
            cwd=self.temporary,
            start_new_session=True, preexec_fn=_default_signals)
        deadline = time.time() + 60
        while not (self.folder / "s").exists():
            check(time.time() < deadline and self.server.poll() is None, "the server does not start")
            time.sleep(0.02)

    def stop_server(self):
        if self.server is not None and self.server.poll() is None:
            self.server.kill()
            self.server.wait()

    def whole(self, output):
        process = self.start(output)
        _, errors = process.communicate(timeout=PATIENCE)
        check(process.returncode == 0, f"the unbroken {self.name} failed: {errors}")
        self.stop_server()
        return {name: self.lines(output / name) for name in self.records} | {"model": _digest(output / "model/model.safetensors")}

    def lines(self, path):
        """Of each whole line, what does not tell of time."""
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return [_told(json.loads(line)) for line in lines]

    def same(self, found, expected):
        if self.options.engine in ("native", "remote") or self.name == "evaluate":
            return found == expected
        return len(found) == len(expected) and all(
            a[0] == b[0] and all(abs(x - y) <= self.options.tolerance * max(1, abs(y)) for x, y in zip(a[1:], b[1:], strict=True))
            for a, b in zip(found, expected, strict=True))


def _told(record):
    if "gradientNorm" in record:
        return [record["step"], record["loss"], record["gradientNorm"], record["learningRate"]]
    return record


def _default_signals():
    # A shell in the background starts its programs without SIGINT.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def _snapshot(folder):
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in pathlib.Path(folder).rglob("*")}


def _complete(output):
    """The run's steps of which there are whole checkpoints, by their own word. Those are numbered by the steps that the trainer
    has taken, which are fewer where there was nothing to learn."""
    found = []
    for place in (output / "checkpoints").glob("step-*"):
        check((place / "checkpoint.json").exists(), f"{place} is not whole: {[file.name for file in place.iterdir()]}")
        manifest = json.loads((place / "checkpoint.json").read_text())
        for name, size in manifest["fileSizes"].items():
            check((place / name).stat().st_size == size, f"{place / name} is not whole")
        check(manifest["step"] == int(place.name[5:]), f"{place} is of step {manifest['step']}")
        position = json.loads((output / "data" / f"{place.name}.json").read_text())
        found.append(manifest["step"] + (position.get("idle") or 0))
    return sorted(found)


def _reported(errors):
    """The last step whose checkpoint was said to be written: the run went on after it, or said so."""
    best = 0
    errors = errors.replace("\nStopping; once more to stop at once.\n", "")
    # What follows an attempt that failed is the error that the run ended with.
    for step in re.findall(r"saving a checkpoint of step (\d+)\n(?!swage: |$)", errors):
        best = max(best, int(step))
    for step in re.findall(r"saved (?:at )?\S*/step-(\d+)", errors):
        best = max(best, int(step))
    return best


def break_once(case, output, number, victim, counts):
    """Starts the command, ends it (or its server) with a signal at a random moment, and looks at what is left."""
    options = case.options
    process = case.start(output)
    first, latest = options.delays
    time.sleep(options.random.uniform(first, latest))
    targets = [process] if victim == "client" else [case.server] if victim == "server" else [process, case.server]
    reached = process.poll() is None
    for target in targets:
        if number == signal.SIGKILL or target.poll() is not None or options.random.random() < 0.7:
            target.send_signal(number)
        else:
            # As a terminal does. A process that has ended is there until it is waited for.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(target.pid, number)
    twice = number != signal.SIGKILL and victim == "client" and options.random.random() < 0.1
    if twice:
        time.sleep(options.random.uniform(0, 0.02))
        if process.poll() is None:
            process.send_signal(number)
    try:
        _, errors = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise Wrong(f"{number.name} does not end it: {process.args}") from error
    if victim != "client":
        # It may take a while to end: nobody is to begin with it meanwhile.
        case.server.wait(timeout=PATIENCE)
    code = process.returncode
    counts[f"{case.name} {victim} {number.name}"] += reached
    told = f"{case.name}, {number.name} to {victim}, status {code}:\n{errors[-3000:]}"
    stale = case.options.engine == "remote" and code == 1 and "is at step" in errors
    if victim == "client" and not stale:
        allowed = {0, -number if number == signal.SIGKILL else 128 + number}
        # Before the program heeds signals, they end it as any other.
        allowed |= {-number} if "step" not in errors else set()
        check(code in allowed, told)
    for name in case.records:
        found = case.lines(output / name)
        check(case.same(found, case.expected[name][: len(found)]), f"{name} is not the unbroken run's, after {told}")
    if case.name == "evaluate":
        return code == 0
    steps, reported = _complete(output), _reported(errors)
    check(reported == 0 or (steps and steps[-1] >= reported), f"step {reported} was saved, and {steps} are there, after {told}")
    check(len(steps) <= KEEP + 1, f"{steps} are there, after {told}")
    if stale:
        check(not steps, f"a trainer that is elsewhere was not loaded, after {told}")
        case.serve()
    elif code == 128 + number and not twice and re.search(r"^step \d|^saving", errors, re.M) and victim == "client":
        check("saved" in errors and "The same command goes on" in errors, f"nothing was saved, after {told}")
    return code == 0


def finish(case, output):
    """Goes on to the end, and compares everything."""
    for _ in range(3):
        process = case.start(output)
        _, errors = process.communicate(timeout=PATIENCE)
        if process.returncode == 0:
            break
        check(case.options.engine == "remote" and "is at step" in errors, f"the same {case.name} does not go on: {errors}")
        case.serve()
    for name in case.records:
        check(case.same(case.lines(output / name), case.expected[name]), f"{case.name}: {name} is not the unbroken run's: {output}")
    if case.options.engine == "native":
        check(_digest(output / "model/model.safetensors") == case.expected["model"], f"{case.name}: another model: {output}")
    left = [path for path in output.rglob("*") if ".partial" in path.name or path.name.endswith("-before") or path.name.startswith(".")]
    check(not left, f"{case.name} has left {left}")
    case.stop_server()
    deadline = time.time() + 20
    while (left := [path for path in case.temporary.iterdir() if path.name != "checkpoints"]) and time.time() < deadline:
        time.sleep(0.1)
    check(not left, f"{case.name} has left {left} in the temporary folder")


def prove(case, wanted, counts):
    """Ends runs by all signals that are wanted, a run after another."""
    options, pending = case.options, [(number, victim) for (number, victim), count in wanted.items() for _ in range(count)]
    options.random.shuffle(pending)
    untouched = _snapshot(case.inputs) | _snapshot(options.model)
    run = 0
    while pending:
        run += 1
        output = case.folder / f"broken-{run}"
        done, ended = False, 0
        while pending and not done and ended < options.signals_per_run:
            number, victim = pending.pop()
            done = break_once(case, output, number, victim, counts)
            ended += 1
        finish(case, output)
        shutil.rmtree(output)
        check(_snapshot(case.inputs) | _snapshot(options.model) == untouched, "what was read was written")
        names = {path.name for path in case.folder.iterdir()} - {"inputs", "tmp", "unbroken", "s"}
        check(not names, f"{names} have appeared beside the output")
        print(
            f"{case.name} on {options.engine}: run {run} ended as the unbroken one after {ended} signals; {len(pending)} to come",
            flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("swage", type=os.path.abspath)
    parser.add_argument("model", type=os.path.abspath)
    parser.add_argument("--engine", default="native", choices=["native", "huggingface", "titan", "remote"])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--commands", nargs="+", default=["sft", "dpo", "grpo", "evaluate"])
    parser.add_argument("--signals", nargs="+", default=["KILL", "TERM", "INT", "HUP"])
    parser.add_argument("--victims", nargs="+", default=["client"], help="remote: client, server, both")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    parser.add_argument("--folder", default="/dev/shm" if os.path.isdir("/dev/shm") else None, help="where runs are; a disk is slow")
    options = parser.parse_args()
    options.random = random.Random(options.seed)
    workers = options.engine in ("huggingface", "titan")
    options.steps = dict(sft=800, dpo=300, grpo=150) if not workers else dict(sft=400, dpo=300, grpo=60)
    options.examples = 200 if not workers else 60
    options.delays = {"native": (0.0, 0.4), "remote": (0.0, 0.6), "huggingface": (0.0, 14.0), "titan": (0.0, 40.0)}[options.engine]
    options.signals_per_run = 25 if not workers else 6
    counts, failures = collections.Counter(), []
    with tempfile.TemporaryDirectory(prefix="prove-", dir=options.folder) as folder:
        for index, command in enumerate(options.commands):
            share = options.count // len(options.commands) + (index < options.count % len(options.commands))
            wanted = {(signal.Signals[f"SIG{name}"], victim): share for name in options.signals for victim in options.victims}
            case = None
            try:
                case = Case(command, options, pathlib.Path(folder))
                prove(case, wanted, counts)
            except Wrong as wrong:
                print(f"WRONG: {wrong}", flush=True)
                failures.append(command)
            finally:
                if case is not None:
                    case.stop_server()
    for name, count in sorted(counts.items()):
        print(f"{name}: {count} reached a living process")
    print(f"{sum(counts.values())} signals on {options.engine}; {len(failures)} commands failed {failures}")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
