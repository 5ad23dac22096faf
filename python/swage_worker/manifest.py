"""What a checkpoint says about itself, in checkpoint.json, as Swift's CheckpointManifest has it. No byte of it is trusted."""

import json
import pathlib
import re
import stat
import zlib
from collections.abc import Callable
from typing import Any, NoReturn

from .errors import TrainerError, check
from .values import Values

MANIFEST, FORMAT = "checkpoint.json", 1
# The object in a manifest's file, whose values `read_manifest` has looked at.
Manifest = dict[str, Any]
MAXIMUM_BYTES = 16 << 20
# What stands in the place of a manifest's own checksum before it is known.
ZEROS = "0" * 8
_CHECKSUM = re.compile(rb'"manifestChecksum"[:\s]*"(.{8})')


def is_kind(path: pathlib.Path, kind: Callable[[int], bool]) -> bool:
    """Whether the path itself is of a kind (stat.S_ISREG, stat.S_ISDIR), whatever a link there leads to."""
    try:
        return kind(path.lstat().st_mode)
    except OSError:
        return False


def read_manifest(folder: pathlib.Path, as_written: bool = True) -> Manifest | None:
    """The manifest in a folder, whether or not the files that it names are there; None for a folder that has none. It has to be
    as it was written, unless only what it names is asked for: that is ours to replace in any case."""
    file = folder / MANIFEST
    if not file.exists() and not file.is_symlink():
        return None
    check(is_kind(file, stat.S_ISREG), "corruptFile", f"{file} is no file")
    size = file.lstat().st_size
    check(size <= MAXIMUM_BYTES, "corruptFile", f"{file} has {size} bytes", f"at most {MAXIMUM_BYTES}")
    try:
        content = file.read_bytes()
        manifest = json.loads(content.decode(), parse_constant=_no_number)
    except (OSError, ValueError, RecursionError) as error:
        raise TrainerError("corruptFile", f"{file} cannot be read: {error}") from error
    check(isinstance(manifest, dict), "corruptFile", f"{file} is no object")
    found = manifest.get("format")
    check(found == FORMAT, "checkpointMismatch", f"{folder} has the checkpoint format {found}", f"format {FORMAT}")
    _validate(manifest, file)
    check(
        not as_written or signed(content) == content, "corruptFile", f"{file} is not as it was written",
        "the file that the trainer has written")
    return manifest


def signed(content: bytes) -> bytes:
    """A manifest's file with its own CRC-32 in it, as Swift's ManifestChecksum computes it; as it is, if it has no place for one."""
    place = _CHECKSUM.search(content)
    if place is None:
        return content
    before, after = content[: place.start(1)], content[place.end(1) :]
    return before + f"{zlib.crc32(before + ZEROS.encode() + after):08x}".encode() + after


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _validate(manifest: Manifest, file: pathlib.Path) -> None:
    values = Values("corruptFile", str(file))
    need, need_count, need_number = values.need, values.need_count, values.need_number
    sizes: Any = manifest.get("fileSizes")
    need(isinstance(sizes, dict), "fileSizes", sizes, "the size of each file by name")
    for name, size in sizes.items():
        need(is_plain(name), "a file's name", name, "a plain file name")
        need_count(f'the size of "{name}"', size)
    checksums = {} if manifest.get("fileChecksums") is None else manifest["fileChecksums"]
    need(isinstance(checksums, dict), "fileChecksums", checksums, "the checksum of each file by name")
    for name, checksum in checksums.items():
        fits = name in sizes and isinstance(checksum, str) and re.fullmatch("[0-9a-f]{8}", checksum) is not None
        need(fits, f'the checksum of "{name:.100}"', checksum, "eight hexadecimal digits for a file that fileSizes names")
    for name in ("step", "accumulatedMicrobatches"):
        need_count(name, manifest.get(name))
    if manifest.get("sequence") is not None:
        need_count("sequence", manifest["sequence"])
    need(isinstance(manifest.get("weightsOnly"), bool), "weightsOnly", manifest.get("weightsOnly"), "true or false")
    need(isinstance(manifest.get("modelSignature"), str), "modelSignature", manifest.get("modelSignature"), "a text")
    microbatches = manifest["accumulatedMicrobatches"]
    need_number(
        "accumulatedDenominator", manifest.get("accumulatedDenominator"), lambda value: value > 0 if microbatches else value == 0,
        "a number above 0, and 0 for no microbatches")
    need(not (microbatches and manifest["weightsOnly"]), "accumulatedMicrobatches", microbatches, "0 for weights alone")
    if manifest.get("optimizer") is not None:
        values.need_optimizer(manifest["optimizer"])


def is_plain(name: str) -> bool:
    """Whether a name is that of a file in a folder, and of nothing above or below it."""
    return name not in ("", ".", "..") and len(name.encode(errors="replace")) <= 255 and not any(
        character == "/" or ord(character) < 0x20 or ord(character) == 0x7F for character in name)
