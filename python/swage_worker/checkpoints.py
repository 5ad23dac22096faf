"""Checkpoints as Swift's CheckpointStore keeps them: complete or absent, in Hugging Face's layout, with checkpoint.json
written last. Either side opens what the other has written."""

import itertools
import json
import os
import pathlib
import stat
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from safetensors import SafetensorError

from . import folders
from .errors import TrainerError, check
from .manifest import FORMAT, MANIFEST, ZEROS, Manifest, is_kind, is_plain, read_manifest, signed
from .values import LARGEST_COUNT

# A complete checkpoint: where it is, and what it says of itself.
Entry = tuple[pathlib.Path, Manifest]


class CheckpointStore:
    def __init__(self, directory: str, kept: int | None = None) -> None:
        check(kept is None or kept > 0, "invalidOption", f"keptCheckpoints is {kept}", "1 or more, or none")
        self.directory, self.kept = pathlib.Path(directory), kept

    def destination(self, name: str | None, path: str | None, weights_only: bool, step: int) -> pathlib.Path:
        plain = name is None or is_plain(name) and not name.startswith(".")
        check(plain, "invalidOption", f'the checkpoint name is "{name}"', "a plain file name that does not begin with a dot")
        check(path != "", "invalidOption", "the checkpoint path is empty")
        if path is not None:
            last = pathlib.Path(os.path.normpath(path)).name
            check(
                not (last.startswith(".") and ".partial-" in last), "invalidOption",
                f"the checkpoint path {path} is named as what is being written", "a name that does not begin with a dot")
            return pathlib.Path(path) / name if name else pathlib.Path(path)
        return self.directory / (name or f"{'weights-' if weights_only else ''}step-{step}")

    def save(
        self, name: str | None, path: str | None, weights_only: bool, state: dict[str, Any], fill: Callable[[pathlib.Path], None],
    ) -> str:
        """Writes a checkpoint of what a trainer says of itself, and returns where it is."""
        place = self.destination(name, path, weights_only, state["step"])
        if weights_only:
            state = {name: state[name] for name in ("modelSignature", "step")} | dict(
                accumulatedMicrobatches=0, accumulatedDenominator=0.0)
        self.write(place, state | dict(weightsOnly=weights_only), fill)
        if name is None and path is None and not weights_only:
            self.keep_newest(place)
        return str(place)

    def open(self, path: str | None, signature: str, weights_signature: str) -> tuple[pathlib.Path, Manifest, bool]:
        """A checkpoint (None: the newest) of that model, what it says of itself, and whether it holds more than weights."""
        if path is None:
            place, manifest = self.newest()
        else:
            place = pathlib.Path(path)
            manifest = self.manifest(place) or {}
            _verify(place, manifest)
        full = bool(manifest) and not manifest["weightsOnly"]
        wanted, found = signature if full else weights_signature, manifest.get("modelSignature")
        check(not manifest or found == wanted, "checkpointMismatch", f"{place} belongs to a model with {found}", f"one with {wanted}")
        return place, manifest, full

    def write(self, place: pathlib.Path, manifest: Manifest, fill: Callable[[pathlib.Path], None]) -> None:
        """Writes the files that `fill` makes, and the manifest after them, as one checkpoint."""
        def fill_and_sign(partial: pathlib.Path) -> None:
            fill(partial)
            sizes = {file.name: file.stat().st_size for file in partial.iterdir() if file.name != folders.MARK}
            checksums = {name: _checksum(partial / name) for name in sizes}
            whole = manifest | dict(
                format=FORMAT, sequence=_next_sequence(place.parent), savedAt=time.time_ns(), fileSizes=sizes, fileChecksums=checksums,
                manifestChecksum=ZEROS)
            (partial / MANIFEST).write_bytes(signed(json.dumps(whole, indent=2, sort_keys=True).encode()))

        try:
            folders.write(place, fill_and_sign)
        except (OSError, ValueError, SafetensorError) as error:
            raise TrainerError("inputOutput", f"{place} cannot be written: {getattr(error, 'strerror', error)}") from error

    def manifest(self, place: pathlib.Path) -> Manifest | None:
        """What a complete checkpoint says of itself; None for a model folder that no trainer has written."""
        check(place.is_dir(), "checkpointNotFound", f"there is no checkpoint at {place}", "a folder that save has written")
        manifest = read_manifest(place)
        if manifest is None:
            check((place / "config.json").exists(), "checkpointNotFound", f"{place} holds no checkpoint", "a folder that save has written")
            return None
        for name, size in manifest["fileSizes"].items():
            expected = f"{size} bytes, as the checkpoint says"
            check(is_kind(place / name, stat.S_ISREG), "corruptFile", f"{place / name} is missing or no file", expected)
            found = (place / name).lstat().st_size
            check(found == size, "corruptFile", f"{place / name} has {found} bytes", expected)
        microbatches, has_gradients = manifest["accumulatedMicrobatches"], "gradients.safetensors" in manifest["fileSizes"]
        check(
            has_gradients == (microbatches > 0), "corruptFile",
            f"{place} has accumulated {microbatches} microbatches, and {'a' if has_gradients else 'no'} gradients.safetensors")
        return manifest

    def newest(self) -> Entry:
        """The complete checkpoint that was written last, whatever the clock says, and what it says of itself. Weights alone do
        not hide the full one that was written before them at the same step. A damaged one is passed over."""
        complete = self._complete()
        while complete:
            newest = _newest(complete)
            try:
                _verify(*newest)
                return newest
            except (OSError, TrainerError):
                complete.remove(newest)
        raise TrainerError(
            "checkpointNotFound", f"there is no complete checkpoint in {self.directory}", "a folder that save has written")

    def keep_newest(self, written: pathlib.Path) -> None:
        """Removes all but the newest full checkpoints that lie under their own step-N; `written` stays in any case."""
        if self.kept is None:
            return
        numbered = [
            place for place, manifest in self._complete()
            if not manifest["weightsOnly"] and place.name == f"step-{manifest['step']}"
        ]
        for place in numbered[: -self.kept]:
            try:
                if place != written:
                    folders.remove(place)
            except (OSError, TrainerError):
                continue

    def _complete(self) -> list[Entry]:
        """Oldest first. Those that are older than their numbers go by their steps."""
        found = []
        for place in _folders(self.directory):
            try:
                manifest = self.manifest(place)
            except (OSError, TrainerError):
                continue
            if manifest is not None:
                found.append((place, manifest))
        return sorted(found, key=_rank)


def _newest(complete: list[Entry]) -> Entry:
    """The last full one at the step of the last one, which is the newest if there is none."""
    step = complete[-1][1]["step"]
    of_the_last_step = itertools.takewhile(lambda entry: entry[1]["step"] == step, reversed(complete))
    return next((entry for entry in of_the_last_step if not entry[1]["weightsOnly"]), complete[-1])


def _rank(entry: Entry) -> tuple[int, int, bool, bool]:
    """A copy that somebody has made is of the same age as what it was made of."""
    place, manifest = entry
    age = (manifest.get("sequence") or 0, manifest["step"], not manifest["weightsOnly"])
    return *age, place.name == f"step-{manifest['step']}"


def _checksum(path: pathlib.Path) -> str:
    """CRC-32 as eight hexadecimal digits, as Swift's FileChecksum has it."""
    checksum = 0
    with open(path, "rb") as file:
        while piece := file.read(1 << 22):
            checksum = zlib.crc32(piece, checksum)
    return f"{checksum:08x}"


def _verify(place: pathlib.Path, manifest: Manifest) -> None:
    """Makes sure that the files of a checkpoint hold what was written."""
    for name, checksum in (manifest.get("fileChecksums") or {}).items():
        found = _checksum(place / name)
        check(
            found == checksum, "corruptFile", f"{place / name} has the checksum {found}",
            f"{checksum}, as the checkpoint says: it is damaged")


def _next_sequence(directory: pathlib.Path) -> int:
    """One more than the highest there."""
    highest = 0
    for place in _folders(directory):
        try:
            highest = max(highest, (read_manifest(place, as_written=False) or {}).get("sequence") or 0)
        except (OSError, TrainerError):
            continue
    return min(LARGEST_COUNT, highest + 1)


def _folders(directory: pathlib.Path) -> list[pathlib.Path]:
    """The folders in which checkpoints may be. A link is none: it leads to what is not here."""
    names = sorted(os.listdir(directory)) if directory.is_dir() else []
    return [directory / name for name in names if not name.startswith(".") and is_kind(directory / name, stat.S_ISDIR)]


def signature(shapes: Mapping[str, Sequence[int]]) -> str:
    """Swift's ParameterLayout.signature: equal for models whose parameters have the same names and shapes."""
    hash = 0xCBF29CE484222325
    for name, shape in sorted(shapes.items()):
        for byte in f"{name}[{', '.join(map(str, shape))}];".encode():
            hash = ((hash ^ byte) * 0x100000001B3) % 2**64
    count = sum(_product(shape) for shape in shapes.values())
    return f"{len(shapes)} tensors, {count} elements, {hash:x}"


def _product(shape: Iterable[int]) -> int:
    result = 1
    for axis in shape:
        result *= axis
    return result
