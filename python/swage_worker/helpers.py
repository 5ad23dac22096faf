"""What torch has no single call for. Operations of the generated table use these by name."""

import torch


def cumulative_sum(x, axis, reverse):
    return x.flip(axis).cumsum(axis).flip(axis) if reverse else x.cumsum(axis)


def scatter_add(x, ids, shape):
    result = torch.zeros(*x.shape[:-1], shape[0], dtype=x.dtype, device=x.device)
    return result.scatter_add(-1, ids.long(), x)


def place(x, axis, index, shape):
    zeros = torch.zeros_like(x)
    return torch.stack([x if i == index else zeros for i in range(shape[0])], axis)


def same_segment(x, segment_ids):
    """[batch, sequence, sequence]: 1 where two positions belong to one sequence, which is a run of equal ids."""
    if segment_ids is None:
        return torch.ones(*x.shape, x.shape[1], dtype=x.dtype, device=x.device)
    begins = torch.ones_like(segment_ids)
    begins[:, 1:] = segment_ids[:, 1:] != segment_ids[:, :-1]
    runs = begins.cumsum(1)
    return (runs[:, :, None] == runs[:, None, :]).to(x.dtype)


def segment_sum(x, segment_ids):
    return (same_segment(x, segment_ids) @ x[..., None])[..., 0]


def segment_cumulative_sum(x, segment_ids, reverse):
    same = same_segment(x, segment_ids)
    return ((same.triu() if reverse else same.tril()) @ x[..., None])[..., 0]
