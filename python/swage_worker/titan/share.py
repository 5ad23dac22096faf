"""Which part of a batch a rank computes."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ..batch import Batch, segment_runs


class Share:
    """The rows and columns of a batch that one data- and context-parallel rank computes.

    Rows are divided by their tokens. What follows a row's last counted token changes nothing that counts, and is cut off
    unless outputs are wanted for every position. A rank that gets no row computes one that counts for nothing, because
    every rank takes part in every exchange of weights."""

    def __init__(
        self, batch: Batch, everywhere: bool, data: tuple[int, int], context: tuple[int, int], multiple: int,
        window: int | None = None,
    ) -> None:
        """`data` and `context`: this rank's place and the number of places. `multiple`: of what the columns must be one.
        `window`: how many tokens a token sees, itself included; None for all before it."""
        sequence = batch.shape[1]
        counted = torch.ones_like(batch.target_mask) if everywhere else batch.target_mask
        lengths = torch.where(counted != 0, torch.arange(1, sequence + 1), 0).amax(1).tolist()
        division = _divide(lengths, data[1])
        mine = division[data[0]]

        def columns_of(rows: list[int]) -> int:
            return -(-max((lengths[row] for row in rows), default=1) // multiple) * multiple

        columns = columns_of(mine)
        rows = torch.tensor(mine or [0])

        def cut(values: torch.Tensor, fill: int = 0) -> torch.Tensor:
            found = values[rows][:, :columns]
            return F.pad(found, (0, columns - found.shape[1]), value=fill)

        runs, positions = segment_runs(batch.segment_ids, batch.shape)
        width = columns // context[1]
        own = slice(context[0] * width, (context[0] + 1) * width)
        runs, here = cut(runs, -1), torch.arange(columns)
        self.length = columns
        self.input_ids = cut(batch.input_ids)[:, own].long()
        self.positions = cut(positions)[:, own]
        # All runs are one where nothing is packed, and attention is causal then without a mask.
        self.mask = None
        narrow = window is not None and window < columns
        if batch.segment_ids is not None or context[1] > 1 or narrow:
            distance = here[own, None] - here[None, :]
            seen = (runs[:, own, None] == runs[:, None, :]) & (distance >= 0)
            if narrow:
                seen &= distance < window
            self.mask = seen[:, None]
        places = cut(counted)[:, own].nonzero() if mine else torch.zeros(0, 2, dtype=torch.long)
        # Of each counted position: where it is in the flattened share, and in the flattened batch.
        self.local = places[:, 0] * width + places[:, 1]
        self.whole = rows[places[:, 0]] * sequence + places[:, 1] + own.start
        # How many positions the rank counts that has most of them: all ranks go to the head as often as that one.
        self.most = max(
            int((counted[share][:, begin : begin + columns_of(share) // context[1]] != 0).sum())
            for share in division if share
            for begin in range(0, columns_of(share), columns_of(share) // context[1]))
        self.targets = batch.target_ids.flatten()[self.whole].long() if batch.target_ids is not None else None

    def to(self, device: torch.device | str) -> Share:
        for name, value in vars(self).items():
            if isinstance(value, torch.Tensor):
                setattr(self, name, value.to(device))
        return self


def _divide(lengths: list[int], ranks: int) -> list[list[int]]:
    """The rows of each rank: the longest first, each to the rank that has the fewest tokens so far."""
    shares: list[list[int]] = [[] for _ in range(ranks)]
    loads = [0] * ranks
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        if lengths[row] > 0:
            lightest = loads.index(min(loads))
            shares[lightest].append(row)
            loads[lightest] += lengths[row]
    return [sorted(share) for share in shares]
