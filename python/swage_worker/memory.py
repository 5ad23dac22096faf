"""How much memory a call may ask for: what the machine has left, or less where SWAGE_MEMORY_LIMIT says so. As Swift's
MemoryBudget."""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .errors import TrainerError

if TYPE_CHECKING:
    import torch

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SMALL = 16 << 20


def require(bytes: int, what: str, device: torch.device | str = "cpu") -> None:
    """Raises TrainerError with code tooLarge if `what` needs more than there is."""
    if bytes < _SMALL and bytes <= (limit() or _SMALL):
        return
    found = available(device)
    if bytes > found:
        origin = "the limit that is set" if found == limit() else "which is what there is: less at once, or shorter"
        raise TrainerError("tooLarge", f"{what} would take {describe(bytes)}", f"at most {describe(found)}, {origin}")


def limit() -> int | None:
    text = os.environ.get("SWAGE_MEMORY_LIMIT")
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)([KMGT]?)B?", text.upper())
    if not match or not int(match[1]):
        raise TrainerError("invalidOption", f'SWAGE_MEMORY_LIMIT is "{text}"', "a number of bytes, or as in 8G")
    return int(match[1]) * _UNITS[match[2]]


def available(device: torch.device | str = "cpu") -> int:
    left = _device_left(device) if str(device).startswith("cuda") else max(0, min(_left(), default=_physical()))
    return min(left, limit() or left)


def describe(bytes: float) -> str:
    if bytes < 1000:
        return f"{bytes} bytes"
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        bytes /= 1000
        if bytes < 1000:
            return f"{bytes:.1f} {unit}"
    return f"{bytes / 1000:.1f} EB"


def _device_left(device: torch.device | str) -> int:
    import torch

    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def _physical() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _left() -> Iterator[int]:
    """What the system, every control group around this process, and the process's own limits leave."""
    if (kibibytes := _number_after("MemAvailable:", "/proc/meminfo")) is not None:
        yield kibibytes * 1024
    limit, used = _number_after("Max address space", "/proc/self/limits"), _text("/proc/self/statm").split()[:1]
    if limit is not None and used:
        yield limit - int(used[0]) * os.sysconf("SC_PAGE_SIZE")
    for line in _text("/proc/self/cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0":
            root, files = "/sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            root, files = "/sys/fs/cgroup/memory", ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        folder = pathlib.Path(root)
        for part in [""] + path.strip("/").split("/"):
            folder = folder / part
            most, taken = (_text(folder / file).strip() for file in files[:2])
            if most.isdigit() and taken.isdigit():
                yield int(most) - int(taken) + (_number_after(files[2], folder / "memory.stat") or 0)


def _number_after(label: str, path: str | pathlib.Path) -> int | None:
    for line in _text(path).splitlines():
        if line.startswith(label):
            words = line[len(label) :].split()
            return int(words[0]) if words and words[0].isdigit() else None
    return None


def _text(path: str | pathlib.Path) -> str:
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        return ""
