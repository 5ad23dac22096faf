"""Checkpoints as Swift's CheckpointStore keeps them: complete or absent, in Hugging Face's layout, with checkpoint.json
written last. Either side opens what the other has written."""

import json
import os
import pathlib
import shutil
import tempfile
import time

from safetensors import SafetensorError

from .errors import TrainerError, check

MANIFEST, FORMAT = "checkpoint.json", 1


class CheckpointStore:
    def __init__(self, directory, kept=None):
        self.directory, self.kept = pathlib.Path(directory), kept

    def destination(self, name, path, weights_only, step):
        plain = name is None or (name != "" and "/" not in name and not name.startswith("."))
        check(plain, "invalidOption", f'the checkpoint name is "{name}"', "a plain file name that does not begin with a dot")
        check(path != "", "invalidOption", "the checkpoint path is empty")
        if path is not None:
            return pathlib.Path(path) / name if name else pathlib.Path(path)
        return self.directory / (name or f"{'weights-' if weights_only else ''}step-{step}")

    def save(self, name, path, weights_only, state, fill):
        """Writes a checkpoint of what a trainer says of itself, and returns where it is."""
        place = self.destination(name, path, weights_only, state["step"])
        if weights_only:
            state = {name: state[name] for name in ("modelSignature", "step")} | dict(
                accumulatedMicrobatches=0, accumulatedDenominator=0.0)
        self.write(place, state | dict(weightsOnly=weights_only), fill)
        if name is None and path is None and not weights_only:
            self.keep_newest()
        return str(place)

    def open(self, path, signature, weights_signature):
        """A checkpoint (None: the newest) of that model, what it says of itself, and whether it holds more than weights."""
        place = pathlib.Path(path) if path is not None else self.newest()
        manifest = self.manifest(place)
        full = manifest is not None and not manifest["weightsOnly"]
        wanted, found = signature if full else weights_signature, (manifest or {}).get("modelSignature")
        check(manifest is None or found == wanted, "checkpointMismatch", f"{place} belongs to a model with {found}", f"one with {wanted}")
        return place, manifest, full

    def write(self, place, manifest, fill):
        """Lets `fill` write files beside `place`, flushes them, and puts them there at once."""
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            partial = pathlib.Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}.partial-{os.getpid()}-"))
            partial.chmod(0o755)
            try:
                fill(partial)
                sizes = {file.name: file.stat().st_size for file in partial.iterdir()}
                manifest = manifest | dict(format=FORMAT, savedAt=time.time_ns(), fileSizes=sizes)
                (partial / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True))
                for file in partial.iterdir():
                    _flush(file)
                _flush(partial)
                _publish(partial, place)
                _flush(place.parent)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
        except (OSError, SafetensorError) as error:
            raise TrainerError("inputOutput", f"{place} cannot be written: {getattr(error, 'strerror', error)}") from error

    def manifest(self, place):
        """What a complete checkpoint says of itself; None for a model folder that no trainer has written."""
        check(place.is_dir(), "checkpointNotFound", f"there is no checkpoint at {place}", "a folder that save has written")
        if not (place / MANIFEST).exists():
            return None
        try:
            manifest = json.loads((place / MANIFEST).read_text())
            sizes, step = manifest["fileSizes"], int(manifest["step"])
        except (ValueError, KeyError, TypeError) as error:
            raise TrainerError("corruptFile", f"{place / MANIFEST} cannot be read: {error}") from error
        check(manifest.get("format") == FORMAT, "checkpointMismatch", f"{place} has the checkpoint format {manifest.get('format')}", f"format {FORMAT}")
        check(step >= 0, "corruptFile", f"{place / MANIFEST} has step {step}")
        for name, size in sizes.items():
            found = (place / name).stat().st_size if (place / name).exists() else None
            check(found == size, "corruptFile", f"{place / name} has {found} bytes", f"{size}, as the checkpoint says")
        return manifest

    def newest(self):
        complete = self._complete()
        check(complete, "checkpointNotFound", f"there is no complete checkpoint in {self.directory}", "a folder that save has written")
        return max(complete, key=lambda entry: entry[1].get("savedAt", 0))[0]

    def keep_newest(self):
        """Removes all but the newest full checkpoints that lie under their own step-N."""
        if self.kept is None:
            return
        numbered = [
            (place, manifest) for place, manifest in self._complete()
            if not manifest["weightsOnly"] and place.name == f"step-{manifest['step']}"
        ]
        numbered.sort(key=lambda entry: entry[1].get("savedAt", 0), reverse=True)
        for place, _ in numbered[self.kept :]:
            shutil.rmtree(place, ignore_errors=True)

    def _complete(self):
        found = []
        for place in self.directory.iterdir() if self.directory.is_dir() else []:
            if place.name.startswith("."):
                continue
            try:
                manifest = self.manifest(place)
            except TrainerError:
                continue
            if manifest is not None:
                found.append((place, manifest))
        return found


def signature(shapes):
    """Swift's ParameterLayout.signature: equal for models whose parameters have the same names and shapes."""
    hash = 0xCBF29CE484222325
    for name, shape in sorted(shapes.items()):
        for byte in f"{name}[{', '.join(map(str, shape))}];".encode():
            hash = ((hash ^ byte) * 0x100000001B3) % 2**64
    count = sum(_product(shape) for shape in shapes.values())
    return f"{len(shapes)} tensors, {count} elements, {hash:x}"


def _product(shape):
    result = 1
    for axis in shape:
        result *= axis
    return result


def _publish(partial, place):
    try:
        os.rename(partial, place)
    except OSError:
        # What was there goes out of the way under a name that nothing reads.
        before = partial.with_name(partial.name + "-before")
        os.rename(place, before)
        os.rename(partial, place)
        shutil.rmtree(before, ignore_errors=True)


def _flush(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
