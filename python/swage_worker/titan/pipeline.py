"""Pipeline stages for batches of any shape. torch fixes a stage's shapes at its first batch; here they are said anew when
they change, which spares the trial run that finds them out. TorchTitan's schedule sees one microbatch a pass, because a
loss is evaluated on the whole batch."""

from typing import Any

import torch
from torch.distributed.pipelining._utils import _StageMeta, extract_tensor_metas


class Pipeline:
    def __init__(self, schedule: Any, width: int, dtype: torch.dtype) -> None:
        """`schedule`: one of torch's with one stage a rank."""
        self.schedule, self.stage = schedule, schedule._stage
        self.width, self.dtype = width, dtype
        self.shape: tuple[int, ...] | None = None

    def expect(self, tokens: torch.Tensor, columns: int) -> None:
        """`tokens`: [rows, columns]. `columns`: how many of a row a rank has between blocks."""
        shape = (*tokens.shape, columns)
        if shape == self.shape:
            return
        self.shape = shape

        def hidden(columns: int) -> torch.Tensor:
            return torch.empty(tokens.shape[0], columns, self.width, dtype=self.dtype, device="meta", requires_grad=True)

        given = torch.empty_like(tokens, device="meta") if self.stage.is_first else hidden(columns)
        # The last norm gathers what tensor-parallel ranks have divided between blocks.
        made = hidden(tokens.shape[1] if self.stage.is_last else columns)
        self.stage._user_meta = _StageMeta(inputs=extract_tensor_metas((given,)), outputs=extract_tensor_metas((made,)))
        self.schedule._stage_forward_initialized = self.schedule._stage_backward_initialized = False

    def forward(self, tokens: torch.Tensor, inputs: dict[str, Any]) -> torch.Tensor | None:
        """The last hidden state, on the ranks of the last stage."""
        return self.schedule.eval(
            arg_mbs=[(tokens,)] if self.stage.is_first else None, kwarg_mbs=[inputs],
            target_mbs=[tokens] if self.stage.is_last else None)
