"""What torch has no single call for. Operations of the generated table use these by name."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F


def cumulative_sum(x: torch.Tensor, axis: int, reverse: bool) -> torch.Tensor:
    return x.flip(axis).cumsum(axis).flip(axis) if reverse else x.cumsum(axis)


def gather(x: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """NaN for a number that is no place: it is loud, and the loss is refused instead of learning from another token."""
    is_place = (ids >= 0) & (ids < x.shape[-1])
    found = x.gather(-1, torch.where(is_place, ids, 0).long())
    return torch.where(is_place, found, torch.nan)


def scatter_add(x: torch.Tensor, ids: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """What has a number that is no place is left out."""
    is_place = (ids >= 0) & (ids < shape[0])
    result = torch.zeros(*x.shape[:-1], shape[0], dtype=x.dtype, device=x.device)
    return result.scatter_add(-1, torch.where(is_place, ids, 0).long(), torch.where(is_place, x, 0))


def place(x: torch.Tensor, axis: int, index: int, shape: Sequence[int]) -> torch.Tensor:
    if not 0 <= index < shape[0]:
        raise IndexError(f"an axis of {shape[0]} has no place {index}")
    zeros = torch.zeros(*x.shape[:axis], shape[0], *x.shape[axis:], dtype=x.dtype, device=x.device)
    return zeros.select_scatter(x, axis, index)


def _runs(x: torch.Tensor, segment_ids: torch.Tensor | None) -> torch.Tensor:
    """The number of each position's sequence in its row, [batch, sequence]: a sequence is a run of equal ids."""
    if segment_ids is None:
        return torch.zeros(x.shape, dtype=torch.long, device=x.device)
    begins = torch.zeros(segment_ids.shape, dtype=torch.long, device=x.device)
    begins[:, 1:] = segment_ids[:, 1:] != segment_ids[:, :-1]
    return begins.cumsum(1)


def segment_sum(x: torch.Tensor, segment_ids: torch.Tensor | None) -> torch.Tensor:
    runs = _runs(x, segment_ids)
    return torch.zeros_like(x).scatter_add(1, runs, x).gather(1, runs)


def segment_cumulative_sum(x: torch.Tensor, segment_ids: torch.Tensor | None, reverse: bool) -> torch.Tensor:
    """In steps of doubling width, none of which reaches beyond a sequence (Hillis and Steele, 1986)."""
    runs = _runs(x, segment_ids)
    if reverse:
        x, runs = x.flip(1), runs.flip(1)
    width = 1
    while width < x.shape[1]:
        is_same = F.pad(runs[:, width:] == runs[:, :-width], (width, 0))
        x = x + torch.where(is_same, F.pad(x[:, :-width], (width, 0)), 0)
        width *= 2
    return x.flip(1) if reverse else x
