"""Folders that appear under their name with all of their files or not at all, as Swift's AtomicDirectory writes them. Only
what Swage has written is ever replaced or removed, and it says so itself: by a manifest that names everything in it, or by
the mark of a write that did not end."""

import ctypes
import errno
import json
import os
import pathlib
import random
import re
import socket
import stat
from collections.abc import Callable
from typing import Any

from .errors import TrainerError, check
from .manifest import MANIFEST, is_kind, read_manifest

MARK = ".swage-partial"
# The folder in which torch's HuggingFaceStorageWriter puts what ranks write before it is consolidated.
TORCH_PIECES = "sharded"


def write(place: pathlib.Path, fill: Callable[[pathlib.Path], None]) -> None:
    """Lets `fill` write files into a hidden folder beside `place`, flushes them, and puts them there at once."""
    require_replaceable(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(place.parent)
    partial = _hidden(place)
    partial.mkdir(mode=0o755)
    try:
        (partial / MARK).write_text(json.dumps(dict(swage="partial", host=socket.gethostname(), process=os.getpid())))
        fill(partial)
        for file in partial.iterdir():
            _flush(file)
        (partial / MARK).unlink()
        _flush(partial)
        _publish(partial, place)
        _flush(place.parent)
    except BaseException:
        _discard(partial)
        raise


def remove(place: pathlib.Path) -> None:
    """Removes a folder that `write` has written, file by file as its manifest names them; any other is an error and stays."""
    _files(place)
    hidden = _hidden(place)
    os.rename(place, hidden)
    try:
        files = _files(hidden)
    except TrainerError:
        # Somebody put something into it in that very moment.
        os.rename(hidden, place)
        raise
    _remove_files(hidden, files)


def require_replaceable(place: pathlib.Path) -> None:
    """Nothing, an empty folder, or a folder that `write` has written."""
    if not os.path.lexists(place) or (is_kind(place, stat.S_ISDIR) and not os.listdir(place)):
        return
    _files(place)


def remove_abandoned(directory: pathlib.Path) -> None:
    """Removes what writers of this machine that are no longer alive have left in a folder."""
    for name in os.listdir(directory):
        found = re.match(r"\..*\.partial-(\d+)", name)
        folder = directory / name
        if not found or not is_kind(folder, stat.S_ISDIR):
            continue
        mark = _mark(folder)
        if mark is not None:
            if mark.get("host") == socket.gethostname() and _is_dead(mark.get("process")):
                _remove_partial(folder)
        elif _is_dead(int(found[1])) and not os.path.lexists(folder / MARK):
            # Empty, or a whole checkpoint that was on its way out; anything else stays.
            _discard(folder)


def _files(folder: pathlib.Path) -> list[str]:
    """The files of a folder that `write` has written, the manifest last; any other folder is an error."""
    def need(holds: object, what: str) -> None:
        check(
            holds, "notAllowed", f"{folder} {what}, and so is neither replaced nor removed",
            "another place, or that you move away what is there")

    need(is_kind(folder, stat.S_ISDIR), "is no folder")
    try:
        manifest = read_manifest(folder, as_written=False) or {}
    except TrainerError:
        manifest = {}
    need(manifest, f"holds no {MANIFEST} of a trainer's")
    names = sorted(os.listdir(folder))
    for name in names:
        named = name in manifest["fileSizes"] or name == MANIFEST
        need(named and is_kind(folder / name, stat.S_ISREG), f'holds "{name}", which its {MANIFEST} does not name as a file')
    return sorted(names, key=lambda name: name == MANIFEST)


def _remove_files(folder: pathlib.Path, files: list[str]) -> None:
    for name in files:
        (folder / name).unlink(missing_ok=True)
    folder.rmdir()


def _discard(folder: pathlib.Path) -> None:
    """Removes a hidden folder of ours: one that is being written, or a whole one with nothing else in it."""
    try:
        if is_kind(folder / MARK, stat.S_ISREG):
            _remove_partial(folder)
        elif os.listdir(folder):
            _remove_files(folder, _files(folder))
        else:
            folder.rmdir()
    except (OSError, TrainerError):
        pass


def _remove_partial(folder: pathlib.Path) -> None:
    """The mark goes last. Ranks put the pieces of a file into a folder of their own, and torch some of them a level deeper."""
    try:
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name == MARK):
            if entry.name.endswith("-pieces") and is_kind(entry, stat.S_ISDIR):
                _remove_plain(entry / TORCH_PIECES)
                _remove_plain(entry)
            else:
                entry.unlink()
        folder.rmdir()
    except OSError:
        pass


def _remove_plain(folder: pathlib.Path) -> None:
    """Removes a folder of files, if it is one."""
    if is_kind(folder, stat.S_ISDIR):
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


def _hidden(place: pathlib.Path) -> pathlib.Path:
    """A name that nothing has, for a folder on its way to `place` or away from it. A disk takes 255 bytes of one."""
    beginning = place.name.encode()[:200].decode(errors="ignore")
    return place.with_name(f".{beginning}.partial-{os.getpid()}-{random.SystemRandom().getrandbits(32)}")


def _mark(folder: pathlib.Path) -> dict[str, Any] | None:
    try:
        mark = json.loads((folder / MARK).read_text()) if is_kind(folder / MARK, stat.S_ISREG) else None
        return mark if isinstance(mark, dict) else None
    except (OSError, ValueError):
        return None


def _is_dead(process: object) -> bool:
    if type(process) is not int or not 0 < process < 1 << 31:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False


def _publish(partial: pathlib.Path, place: pathlib.Path) -> None:
    try:
        # The system renames to nothing and to an empty folder alone.
        return os.rename(partial, place)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    _files(place)
    before = _exchange(partial, place)
    try:
        _files(before)
    except TrainerError:
        # Somebody put something into it in that very moment.
        _exchange(before, place)
        raise
    # What cannot be removed now is removed by a later writer.
    _discard(before)


def _exchange(new: pathlib.Path, place: pathlib.Path) -> pathlib.Path:
    """Puts `new` at `place`, and returns where that is now which was there."""
    if _exchange_names(new, place):
        return new
    # A file system that cannot: the old one is out of the way for a moment.
    before = _hidden(place)
    os.rename(place, before)
    try:
        os.rename(new, place)
    except OSError:
        os.rename(before, place)
        raise
    return before


def _exchange_names(one: pathlib.Path, other: pathlib.Path) -> bool:
    """Exchanges two names in one step; whether the system and the file system can."""
    library = ctypes.CDLL(None, use_errno=True)
    first, second = os.fsencode(one), os.fsencode(other)
    if hasattr(library, "renameat2"):
        here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
        failed = library.renameat2(here, first, here, second, exchange)
    elif hasattr(library, "renamex_np"):
        failed = library.renamex_np(first, second, 2)  # RENAME_SWAP
    else:
        return False
    if not failed:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number))


def _flush(path: pathlib.Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
