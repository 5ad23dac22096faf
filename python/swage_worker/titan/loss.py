"""The loss that TorchTitan's trainer is given: a loss program over the whole batch, from this rank's last hidden state.

What the program reads is gathered from all ranks (a number a token, not logits, unless it reads those), and every rank
evaluates the program on all of it: the sum, the denominator and the metrics are those of the whole batch whatever the
program does, and only the gradient with respect to this rank's part goes back into its model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed._composable.fsdp import FSDPModule
from torchtitan.components.loss import BaseLoss, _DecoderOutputGradientBackProp

from ..batch import Batch
from ..errors import Cancelled, TrainerError
from ..loss import Result, evaluate_batch, gradients_of
from .share import Share

CHUNK = 512
# Logits are computed again on the way back if more than these would have to be kept.
KEPT_LOGITS = 1 << 27
PER_TOKEN = ("logProbs", "entropy")


class ProgramLoss(BaseLoss):
    @dataclass(kw_only=True, slots=True)
    class Config(BaseLoss.Config):
        pass

    def __init__(self, config: Config, *, compile_config: Any = None) -> None:
        # Set before each pass that has a loss.
        self.work: OutputWork | None = None

    def __call__(
        self, hidden: torch.Tensor, labels: Any, global_valid_tokens: Any = None, **_: Any,
    ) -> tuple[torch.Tensor, dict[str, Any]]:
        """A scalar whose gradient with respect to `hidden` is that of the sum of `work`'s program."""
        work, self.work = self.work, None
        # A pipeline's schedule asks for a loss where there is none, too.
        gradient = work.backward_to(hidden) if work is not None else None
        return _DecoderOutputGradientBackProp.apply(hidden, gradient, hidden.new_zeros((), dtype=torch.float32)), {}


class GatherVocabulary(torch.autograd.Function):
    """Logits over the whole vocabulary from each tensor-parallel rank's part. All of these ranks go on with the same
    numbers, so each takes back its own part of the gradient."""

    @staticmethod
    def forward(ctx: Any, part: torch.Tensor, group: Any) -> torch.Tensor:
        ctx.rank, ctx.width = dist.get_rank(group), part.shape[-1]
        parts = [torch.empty_like(part) for _ in range(dist.get_world_size(group))]
        dist.all_gather(parts, part.contiguous(), group=group)
        return torch.cat(parts, -1)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradient[..., ctx.rank * ctx.width : (ctx.rank + 1) * ctx.width].contiguous(), None


class OutputWork:
    """One pass from a hidden state to outputs, and back."""

    def __init__(self, part: Any, batch: Batch, share: Share, vocabulary: int, mesh: Any, tensor_group: Any) -> None:
        """`part`: the last part of the model. `mesh`: over the ranks that divide the batch, or None. `tensor_group`:
        those that divide the vocabulary, or None."""
        self.head, self.batch, self.share, self.vocabulary = part.lm_head, batch, share, vocabulary
        self.group = mesh.get_group() if mesh is not None and mesh.size() > 1 else None
        self.is_first = self.group is None or dist.get_rank(self.group) == 0
        self.tensor_group = tensor_group
        # What is evaluated, set before `backward_to`: loss, reads, is_cancelled, copies.
        self.program: dict[str, Any] = {}
        self.failure: TrainerError | Cancelled | None = None
        self.value: Result | None = None

    def backward_to(self, hidden: torch.Tensor) -> torch.Tensor:
        """The gradient of the program's sum with respect to this rank's hidden state. The head's own gradients are
        accumulated. What goes wrong is kept in `failure`, the same on all ranks, and the gradient is 0."""
        outputs = {name: value.requires_grad_() for name, value in self.outputs(hidden, self.program["reads"], keeps=True).items()}
        try:
            total, denominator, metrics = evaluate_batch(
                self.program["loss"], self.batch, outputs, self.vocabulary, hidden.shape[-1], self.program["is_cancelled"],
                self.program["copies"])
            gradients = dict(zip(outputs, gradients_of(total, list(outputs.values())), strict=True))
            self.value = Result.of(total, denominator, metrics)
        except (TrainerError, Cancelled) as error:
            self.failure, gradients = error, {}
        result = torch.zeros(hidden.shape, dtype=torch.float32, device=hidden.device)
        flat = result.view(-1, hidden.shape[-1])
        if gradients.get("hiddenStates") is not None and self._speaks_for_tensor_ranks:
            self._add_rows(flat, gradients["hiddenStates"].flatten(0, 1))
        self._backward_through_head(flat, gradients)
        return result.to(hidden.dtype)

    @torch.no_grad()
    def outputs(self, hidden: torch.Tensor, names: list[str], keeps: bool = False) -> dict[str, torch.Tensor]:
        """The whole batch's outputs, leaves of the graph. With `keeps`, what `backward_to` needs of the way is kept."""
        self.chunks: list[tuple[torch.Tensor, torch.Tensor, list[str], dict[str, torch.Tensor] | None]] = []
        result = {}
        if "hiddenStates" in names:
            result["hiddenStates"] = self._gather(hidden.flatten(0, 1)[self.share.local].float(), hidden.shape[-1:])
        if "outputHead" in names:
            self._open_head()
            weight = self.head.weight.detach().t()
            result["outputHead"] = (GatherVocabulary.apply(weight, self.tensor_group) if self.tensor_group else weight).t().float().clone()
        wanted = [name for name in ("logits", *PER_TOKEN) if name in names]
        if wanted or keeps:
            for name, value in self._through_head(hidden, wanted, keeps).items():
                result[name] = self._gather(value, value.shape[1:])
        return result

    def _through_head(self, hidden: torch.Tensor, wanted: list[str], keeps: bool) -> dict[str, torch.Tensor]:
        rows = hidden.detach().flatten(0, 1)[self.share.local]
        targets = self.share.targets if self.share.targets is not None else torch.zeros_like(self.share.local)
        kept = keeps and self.share.most * self.vocabulary <= KEPT_LOGITS
        self._open_head()
        parts = []
        # As many chunks on every rank, some of them empty: FSDP exchanges weights at each.
        for begin in range(0, max(1, self.share.most), CHUNK):
            chunk, chunk_targets = rows[begin : begin + CHUNK], targets[begin : begin + CHUNK]
            leaf = chunk.detach().requires_grad_(keeps)
            with torch.set_grad_enabled(kept):
                values = self._chunk(leaf, chunk_targets, wanted)
            self.chunks.append((leaf, chunk_targets, wanted, values if kept else None))
            parts.append({name: value.detach() for name, value in values.items()})
        if not keeps:
            self._close_head()
        return {name: torch.cat([part[name] for part in parts]) for name in wanted}

    def _chunk(self, rows: torch.Tensor, targets: torch.Tensor, wanted: list[str]) -> dict[str, torch.Tensor]:
        logits = self.head(rows[None])[0]
        if self.tensor_group is not None:
            logits = GatherVocabulary.apply(logits, self.tensor_group)
        logits = logits.float()
        values = {"logits": logits} if "logits" in wanted else {}
        if set(wanted) & set(PER_TOKEN):
            logs = logits.log_softmax(-1)
            if "logProbs" in wanted:
                values["logProbs"] = logs.gather(-1, targets[:, None])[:, 0]
            if "entropy" in wanted:
                values["entropy"] = -(logs.exp() * logs).sum(-1)
        return values or {"none": logits}

    def _backward_through_head(self, flat: torch.Tensor, gradients: dict[str, torch.Tensor]) -> None:
        begin = 0
        for index, (leaf, targets, wanted, values) in enumerate(self.chunks):
            if isinstance(self.head, FSDPModule):
                self.head.set_requires_gradient_sync(index == len(self.chunks) - 1, recurse=False)
            with torch.enable_grad():
                values = values or self._chunk(leaf, targets, wanted)
            places = self.share.whole[begin : begin + leaf.shape[0]]
            tensors, directions = [], []
            for name, value in values.items():
                whole = gradients.get(name)
                tensors.append(value)
                directions.append(
                    torch.zeros_like(value) if whole is None else whole.flatten(0, 1)[places].to(value.dtype))
            if index == 0 and gradients.get("outputHead") is not None and self.is_first:
                tensors.append(self.head.weight)
                directions.append(self._own_vocabulary(gradients["outputHead"]).to(self.head.weight.dtype))
            torch.autograd.backward(tensors, directions)
            flat.index_add_(0, self.share.local[begin : begin + leaf.shape[0]], leaf.grad.float())
            begin += leaf.shape[0]
        self._close_head()

    def _gather(self, values: torch.Tensor, tail: Sequence[int]) -> torch.Tensor:
        """`values` [counted positions of this share, …] of all ranks as [batch, sequence, …], 0 where nothing counts."""
        rows, columns = self.batch.shape
        whole = torch.zeros(rows * columns, *tail, dtype=torch.float32, device=values.device)
        whole[self.share.whole] = values.float()
        if self.group is not None:
            dist.all_reduce(whole, group=self.group)
        return whole.reshape(rows, columns, *tail)

    def _add_rows(self, flat: torch.Tensor, whole: torch.Tensor) -> None:
        flat.index_add_(0, self.share.local, whole[self.share.whole].float())

    @property
    def _speaks_for_tensor_ranks(self) -> bool:
        return self.tensor_group is None or dist.get_rank(self.tensor_group) == 0

    def _own_vocabulary(self, whole: torch.Tensor) -> torch.Tensor:
        """This tensor-parallel rank's part of [vocabulary, …]."""
        if self.tensor_group is None:
            return whole
        width = whole.shape[0] // dist.get_world_size(self.tensor_group)
        return whole.narrow(0, dist.get_rank(self.tensor_group) * width, width)

    def _open_head(self) -> None:
        if isinstance(self.head, FSDPModule):
            self.head.set_reshard_after_forward(False)
            self.head.set_reshard_after_backward(False)
            self.head.set_requires_gradient_sync(False, recurse=False)
            self.head.unshard()

    def _close_head(self) -> None:
        if isinstance(self.head, FSDPModule):
            self.head.set_reshard_after_forward(True)
            self.head.set_reshard_after_backward(True)
            self.head.set_requires_gradient_sync(True, recurse=False)
            self.head.reshard()
