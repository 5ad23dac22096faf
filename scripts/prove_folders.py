#!/usr/bin/env python3
"""Lets two people's runs, a server and a hostile client loose on one folder, and tells whether anything outside of it
changed: prove_folders.py SWAGE MODEL SECONDS [SEED]. The client wants PYTHONPATH to hold python/swage_worker, and grpcio.

Around the folder lies a tree of decoys: files beside it and above it, links into it and out of it, folders that look like
ours. Their digests are compared before and after."""

import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import grpc

from swage_worker.generated.swage.v1 import trainer_pb2 as pb
from swage_worker.generated.swage.v1 import trainer_pb2_grpc as rpc


def digests(root, but):
    """What everything below `root` is, links as links, but for what lies below `but`."""
    found = {}
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if pathlib.Path(folder, name) != but)
        for name in folders + files:
            path = pathlib.Path(folder, name)
            if path.is_symlink():
                found[str(path)] = "-> " + os.readlink(path)
            elif path.is_file():
                found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
            else:
                found[str(path)] = "folder"
    return found


def plant(root, arena):
    """The decoys, and links between them and the arena."""
    for name in ("photos", "step-1", "checkpoints", "model", "data", ".step-9.partial-1-2"):
        folder = root / name
        folder.mkdir()
        (folder / "holiday.jpg").write_bytes(os.urandom(64))
        (folder / "checkpoint.json").write_text('{"mine": true}')
        (folder / "run.json").write_text('{"settings": {}}')
    (root / "notes.txt").write_text("mine")
    (root / "metrics.jsonl").write_text("mine\n")
    (arena / "link-to-photos").symlink_to(root / "photos")
    (arena / "link-to-nothing").symlink_to(root / "not-there")
    (arena / "link-to-root").symlink_to("/")
    (root / "link-into").symlink_to(arena)


def paths(root, arena, random):
    """Places at which a client has no business, or some."""
    names = ["photos", "step-1", "checkpoints", "model", "../photos", "../../photos", "link-to-photos", "link-to-photos/x",
             "link-to-nothing", "link-to-root", f"link-to-root{root}/photos", "", ".", "..", "/", "/tmp", str(root),
             str(root / "photos"), str(root / "link-into" / ".." / "photos"), str(arena / ".." / "model"),
             "/proc/self/root" + str(root / "photos"), "/proc/self/cwd", "a/../../photos", "x\0y", "x\ny", "~", "$HOME",
             str(arena / "served" / "fine"), "fine", "deeper/fine", str(arena), str(arena / "served"), "." * 300, "n" * 300]
    return random.choice(names)


def attack(address, root, arena, random, until):
    counts = {}
    with grpc.insecure_channel(address) as channel:
        trainer = rpc.TrainerServiceStub(channel)
        while time.monotonic() < until:
            name = random.choice([None, None, "fine", "..", "../photos", "", ".hidden", "a/b", "n" * 300, "photos"])
            path = None if random.random() < 0.2 else paths(root, arena, random)
            fields = {key: value for key, value in (("name", name), ("path", path)) if value is not None}
            weights_only = random.random() < 0.5
            try:
                if random.random() < 0.7:
                    call, request = trainer.Save, pb.SaveRequest(request_id=os.urandom(8).hex(), weights_only=weights_only, **fields)
                else:
                    fields.pop("name", None)
                    call, request = trainer.Load, pb.LoadRequest(request_id=os.urandom(8).hex(), **fields)
                call(request, timeout=60)
                outcome = "done"
            except grpc.RpcError as error:
                outcome = error.code().name
            except (TypeError, ValueError):
                outcome = "not sent"
            counts[outcome] = counts.get(outcome, 0) + 1
            if outcome == "UNAVAILABLE":
                raise SystemExit("the server is gone")
    return counts


def main():
    swage, model, seconds = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), float(sys.argv[3])
    generator = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
    with tempfile.TemporaryDirectory(prefix="swage-") as folder:
        root = pathlib.Path(folder).resolve()
        arena = root / "arena"
        arena.mkdir()
        plant(root, arena)
        data = root / "chats.jsonl"
        data.write_text("".join(json.dumps(dict(prompt=f"Question {i}", completion=f" answer {i}")) + "\n" for i in range(40)))
        before = digests(root, arena)
        socket = f"unix:{arena}/socket"
        server = subprocess.Popen(
            [swage, "serve", "--model", model, "--listen", socket, "--checkpoints", str(arena / "served"), "--threads", "1"],
            cwd=arena, stderr=subprocess.DEVNULL)
        until = time.monotonic() + seconds
        try:
            while not (arena / "socket").exists():
                time.sleep(0.05)
                if server.poll() is not None or time.monotonic() > until:
                    raise SystemExit("the server did not come up")
            outcomes, runs, round = {}, [], 0
            while time.monotonic() < until:
                outputs = [arena / generator.choice(["run", "run", "other"]) for _ in range(2)]
                for output in outputs:
                    options = ["--restart"] if generator.random() < 0.3 else []
                    runs.append(subprocess.Popen(
                        [swage, "sft", "--model", model, "--data", str(data), "--output", str(output), "--steps", "12",
                         "--save-every", "3", "--sequence-length", "48", "--threads", "1", *options],
                        cwd=arena, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
                for outcome, count in attack(socket, root, arena, generator, min(until, time.monotonic() + 5)).items():
                    outcomes[outcome] = outcomes.get(outcome, 0) + count
                if generator.random() < 0.3:
                    runs[-1].kill()
                ends = [run.wait(timeout=120) for run in runs[-2:]]
                round += 1
                print(f"round {round}: runs ended with {ends}; requests so far {outcomes}", flush=True)
        finally:
            server.terminate()
            server.wait(timeout=60)
        after = digests(root, arena)
        changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
        for path in changed:
            print(f"changed: {path}")
        print(f"{len(before)} decoys, {len(runs)} runs, {sum(outcomes.values())} requests {outcomes}")
        print(f"{0 if changed else 1} passed, {1 if changed else 0} failed")
        sys.exit(bool(changed))


if __name__ == "__main__":
    main()
