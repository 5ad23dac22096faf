"""What torch has no single call for. Operations of the generated table use these by name."""

import torch
import torch.nn.functional as F


def cumulative_sum(x, axis, reverse):
    return x.flip(axis).cumsum(axis).flip(axis) if reverse else x.cumsum(axis)


def gather(x, ids):
    """NaN for a number that is no place: it is loud, and the loss is refused instead of learning from another token."""
    is_place = (ids >= 0) & (ids < x.shape[-1])
    found = x.gather(-1, torch.where(is_place, ids, 0).long())
    return torch.where(is_place, found, torch.nan)


def scatter_add(x, ids, shape):
    """What has a number that is no place is left out."""
    is_place = (ids >= 0) & (ids < shape[0])
    result = torch.zeros(*x.shape[:-1], shape[0], dtype=x.dtype, device=x.device)
    return result.scatter_add(-1, torch.where(is_place, ids, 0).long(), torch.where(is_place, x, 0))


def place(x, axis, index, shape):
    if not 0 <= index < shape[0]:
        raise IndexError(f"an axis of {shape[0]} has no place {index}")
    zeros = torch.zeros(*x.shape[:axis], shape[0], *x.shape[axis:], dtype=x.dtype, device=x.device)
    return zeros.select_scatter(x, axis, index)


def _runs(x, segment_ids):
    """The number of each position's sequence in its row, [batch, sequence]: a sequence is a run of equal ids."""
    if segment_ids is None:
        return torch.zeros(x.shape, dtype=torch.long, device=x.device)
    begins = torch.zeros(segment_ids.shape, dtype=torch.long, device=x.device)
    begins[:, 1:] = segment_ids[:, 1:] != segment_ids[:, :-1]
    return begins.cumsum(1)


def segment_sum(x, segment_ids):
    runs = _runs(x, segment_ids)
    return torch.zeros_like(x).scatter_add(1, runs, x).gather(1, runs)


def segment_cumulative_sum(x, segment_ids, reverse):
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
