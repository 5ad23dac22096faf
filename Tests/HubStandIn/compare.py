"""Holds `swage models fetch` against huggingface_hub, both before the same stand-in for a hub.

    python compare.py SWAGE [KILLS]

with a Python that has huggingface_hub. What both leave in a cache must be equal: names, links, contents, modes of locks and contents.
A fetch by either that is killed at any moment must leave a cache that both accept and complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import standin

WANTED = ["config.json", "generation_config.json", "tokenizer.json", "model.safetensors"]


def write_tensors(path: Path, count: int, seed: int) -> None:
    data = random.Random(seed).randbytes(4 * count)
    head = json.dumps({"weight": {"dtype": "F32", "shape": [count], "data_offsets": [0, len(data)]}}).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + data)


def make_repositories(root: Path) -> None:
    plain = root / "org" / "plain"
    plain.mkdir(parents=True)
    (plain / "config.json").write_text('{"model_type": "llama", "grüße": "こんにちは"}')
    (plain / "generation_config.json").write_text("{}")
    (plain / "tokenizer.json").write_text("{}" + " " * 1000)
    (plain / "README.md").write_text("# A model\n")
    (plain / "größe \"1\".txt").write_text("a name that JSON escapes\n")
    (plain / "pytorch_model.bin").write_bytes(b"a pickle" * 100)
    (plain / "onnx").mkdir()
    (plain / "onnx" / "config.json").write_text("{}")
    write_tensors(plain / "model.safetensors", 700_000, 1)
    sharded = root / "org" / "sharded"
    sharded.mkdir(parents=True)
    (sharded / "config.json").write_text("{}")
    names = [f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3)]
    for name in names:
        write_tensors(sharded / name, 100_000, 7)  # All three have the same content, and therefore one blob.
    (sharded / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {name: name for name in names}}))
    files = root / "org" / "files"
    (files / "Q8_0").mkdir(parents=True)
    for name in ["a-Q4_K_M.gguf", "a-Q4_K_S.gguf", "Q8_0/a-00001-of-00002.gguf", "Q8_0/a-00002-of-00002.gguf", "mmproj-f16.gguf"]:
        (files / name).write_bytes(random.Random(name).randbytes(50_000))


def contents(cache: Path) -> dict[str, Any]:
    """All of a cache, by path."""
    found: dict[str, Any] = {}
    for folder, folders, files in os.walk(cache):
        for name in folders + files:
            path = Path(folder) / name
            key = str(path.relative_to(cache))
            if path.is_symlink():
                found[key] = ("link", os.readlink(path))
            elif path.is_dir():
                found[key] = "folder"
            else:
                # Python keeps the list of files for its owner alone, by no decision of anybody.
                mode = oct(path.stat().st_mode) if "/trees/" not in key else ""
                found[key] = (mode, hashlib.sha256(path.read_bytes()).hexdigest())
    return found


class Comparison:
    def __init__(self, swage: str, folder: Path) -> None:
        self.swage = swage
        self.folder = folder
        self.root = folder / "root"
        make_repositories(self.root)
        self.hub = standin.Hub(self.root)
        self.failures = 0

    def environment(self, cache: Path, **more: str) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        return {
            **kept, "HF_ENDPOINT": self.hub.address, "HF_HUB_CACHE": str(cache), "HF_HOME": str(self.folder / "home"),
            "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1", **more,
        }

    def python(self, repository: str, patterns: list[str], revision: str = "main") -> list[str]:
        code = (
            "import huggingface_hub; print(huggingface_hub.snapshot_download("
            f"{repository!r}, revision={revision!r}, allow_patterns={patterns!r}))"
        )
        return [sys.executable, "-c", code]

    def run(self, command: list[str], cache: Path, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=self.environment(cache, **more), capture_output=True, text=True, timeout=300)

    def fresh(self, name: str) -> Path:
        cache = self.folder / name
        shutil.rmtree(cache, ignore_errors=True)
        (self.root / "requests.log").write_text("")
        return cache

    def expect(self, holds: bool, what: str, details: str = "") -> None:
        print(("ok    " if holds else "WRONG ") + what + ("" if holds else f"\n{details}"), flush=True)
        self.failures += not holds

    def expect_equal(self, a: Path, b: Path, what: str) -> None:
        left, right = contents(a), contents(b)
        odd = [f"  {key}: {left.get(key)} and {right.get(key)}" for key in sorted({*left, *right}) if left.get(key) != right.get(key)]
        self.expect(not odd and bool(left), what, "\n".join(odd[:20]))

    def compare_fresh(self) -> None:
        cases = [
            ("org/plain", "main", WANTED), ("org/plain", "refs/pr/1", WANTED), ("org/sharded", "main", ["*.json", "*.safetensors"]),
            ("org/files:Q4_K_M", "main", ["a-Q4_K_M.gguf"]), ("org/files:Q8_0", "main", ["Q8_0/*"]),
        ]
        cases.append(("org/plain", standin.Repository(self.root / "org/plain").commit, WANTED))
        for name, revision, patterns in cases:
            repository, _, part = name.partition(":")
            ours, theirs = self.fresh("ours"), self.fresh("theirs")
            full = repository + (f"@{revision}" if revision != "main" else "") + (f":{part}" if part else "")
            mine = self.run([self.swage, "models", "fetch", full], ours)
            other = self.run(self.python(repository, patterns, revision), theirs)
            self.expect(mine.returncode == 0 and other.returncode == 0, f"{full}: both fetch it", mine.stderr + other.stderr)
            self.expect_equal(ours, theirs, f"{full}: the caches are equal")
            # Each goes on with the other's, and fetches no content again.
            goes_on = [(theirs, [self.swage, "models", "fetch", full]), (ours, self.python(repository, patterns, revision))]
            for cache, command in goes_on:
                (self.root / "requests.log").write_text("")
                before = contents(cache)
                for more in ({}, {"HF_HUB_OFFLINE": "1"}):
                    result = self.run(command, cache, **more)
                    self.expect(result.returncode == 0, f"{full}: found in the other's cache {more or ''}", result.stderr)
                log = (self.root / "requests.log").read_text()
                self.expect("/resolve/" not in log and "STORE" not in log, f"{full}: nothing is fetched twice", log)
                self.expect(contents(cache) == before, f"{full}: the other's cache stays as it is")

    def compare_killed(self, kills: int) -> None:
        """Kills either at random moments, and lets either go on."""
        draw = random.Random(1)
        whole = self.fresh("whole")
        self.run(self.python("org/plain", WANTED), whole)
        (self.root / "faults.json").write_text(json.dumps({"slow": 0.02}))
        cache = self.fresh("killed")
        killed = {"swage": 0, "python": 0}
        ours = [self.swage, "models", "fetch", "org/plain"]
        for _ in range(kills):
            is_ours = draw.random() < 0.75
            command = ours if is_ours else self.python("org/plain", WANTED)
            process = subprocess.Popen(
                command, env=self.environment(cache), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(draw.uniform(0.005, 0.8) if is_ours else draw.uniform(0.3, 1.5))
            process.send_signal(signal.SIGKILL)
            if process.wait() == -signal.SIGKILL:
                killed["swage" if is_ours else "python"] += 1
            scan = self.run([sys.executable, "-c", "import huggingface_hub as h; h.scan_cache_dir()"], cache)
            if cache.exists() and scan.returncode != 0:
                self.expect(False, "Python looks through a cache of a killed fetch", scan.stderr)
            listed = self.run([self.swage, "models", "list"], cache)
            if listed.returncode != 0:
                self.expect(False, "swage looks through a cache of a killed fetch", listed.stderr)
            if draw.random() < 0.15:
                shutil.rmtree(cache, ignore_errors=True)
        (self.root / "faults.json").unlink()
        print(f"      killed {killed}")
        copy = self.fresh("copy")
        if cache.exists():
            shutil.copytree(cache, copy, symlinks=True)
        for place, command in [(cache, ours), (copy, self.python("org/plain", WANTED))]:
            result = self.run(command, place)
            self.expect(result.returncode == 0, "a killed fetch is completed", result.stderr)
            for left in list(place.rglob("*.incomplete")) + list(place.rglob("*.tmp")) + list(place.rglob("tmp_*")):
                left.unlink()
            self.expect_equal(whole, place, "and the cache is that of a fetch that was not killed")

    def compare_at_once(self) -> None:
        """Four of each at the same time, in one cache."""
        whole = self.fresh("whole")
        self.run(self.python("org/plain", WANTED), whole)
        (self.root / "faults.json").write_text(json.dumps({"slow": 0.005}))
        cache = self.fresh("together")
        commands = 2 * [[self.swage, "models", "fetch", "org/plain"], self.python("org/plain", WANTED)]
        processes = [
            subprocess.Popen(command, env=self.environment(cache), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            for command in commands
        ]
        ends = [(process.communicate()[1], process.returncode) for process in processes]
        (self.root / "faults.json").unlink()
        self.expect(all(code == 0 for _, code in ends), "four at once end well", "".join(text for text, _ in ends))
        self.expect_equal(whole, cache, "and leave one cache")
        log = (self.root / "requests.log").read_text()
        self.expect(log.count("STORE GET") == 1, "for which the weights were fetched once", log)

    def compare_removed(self) -> None:
        cache = self.fresh("removed")
        self.run(self.python("org/plain", WANTED), cache)
        self.run(self.python("org/files", ["a-Q4_K_M.gguf"]), cache)
        result = self.run([self.swage, "models", "remove", "org/plain", "--yes"], cache)
        other = self.fresh("other")
        self.run(self.python("org/files", ["a-Q4_K_M.gguf"]), other)
        self.expect(result.returncode == 0, "what Python has fetched is removed", result.stderr)
        self.expect_equal(other, cache, "and nothing else")


def main() -> None:
    kills = int(sys.argv[2]) if len(sys.argv) > 2 else 30
    with tempfile.TemporaryDirectory() as folder:
        comparison = Comparison(os.path.abspath(sys.argv[1]), Path(folder))
        comparison.compare_fresh()
        comparison.compare_at_once()
        comparison.compare_removed()
        comparison.compare_killed(kills)
        sys.exit(1 if comparison.failures else 0)


if __name__ == "__main__":
    main()
