"""Batches as they come over the wire, checked as Swift's TextTrainBatch checks them."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch

from .errors import TrainerError, check
from .generated.swage.v1 import trainer_pb2 as pb
from .loss import OUTPUTS

MaybeTensor = TypeVar("MaybeTensor", bound="torch.Tensor | None")

MOST_AXES = 16
_TYPES = {pb.DATA_TYPE_FLOAT32: torch.float32, pb.DATA_TYPE_INT32: torch.int32}


def tensor(message: pb.Tensor, name: str, type: torch.dtype) -> torch.Tensor:
    found = _TYPES.get(message.type)
    check(found == type, "invalidShape", f"{name} holds numbers of type {_described(found) or message.type}", _described(type))
    shape = list(message.shape)
    check(len(shape) <= MOST_AXES, "invalidShape", f"{name} has {len(shape)} axes", f"at most {MOST_AXES}")
    # torch counts elements in 64 bits, those of the other axes as well where one is 0.
    check(math.prod(max(1, axis) for axis in shape) < 2**62, "invalidShape", f"{name} has shape {shape}", "a shape without huge axes")
    fits = all(axis >= 0 for axis in shape) and math.prod(shape) * 4 == len(message.data)
    check(fits, "invalidShape", f"{name} of shape {shape} has {len(message.data)} bytes", "4 bytes for each element")
    if not message.data:
        return torch.zeros(shape, dtype=type)
    return torch.frombuffer(bytearray(message.data), dtype=type).reshape(shape)


def _described(type: torch.dtype | None) -> str | None:
    return str(type).removeprefix("torch.") if type is not None else None


@dataclass
class Batch:
    input_ids: torch.Tensor
    target_ids: torch.Tensor | None
    target_mask: torch.Tensor
    target_weights: torch.Tensor
    segment_ids: torch.Tensor | None
    loss_inputs: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def shape(self) -> list[int]:
        return list(self.input_ids.shape)

    @classmethod
    def of(cls, request: pb.ForwardBackwardRequest | pb.ForwardRequest, vocabulary: int) -> Batch:
        """From a ForwardBackwardRequest or a ForwardRequest."""
        has = request.HasField
        check(has("input_ids"), "invalidBatch", "there are no inputIDs", "a tensor of int32")
        ids = tensor(request.input_ids, "inputIDs", torch.int32)
        shape = list(ids.shape)
        check(len(shape) == 2 and 0 not in shape, "invalidShape", f"inputIDs has shape {shape}", "[batch, sequence], neither of them 0")

        def optional(name: str, swift_name: str, type: torch.dtype, otherwise: MaybeTensor) -> torch.Tensor | MaybeTensor:
            if name not in request.DESCRIPTOR.fields_by_name or not has(name):
                return otherwise
            found = tensor(getattr(request, name), swift_name, type)
            check(
                list(found.shape) == shape, "invalidShape", f"{swift_name} has shape {list(found.shape)}",
                f"{shape}, the shape of inputIDs")
            _check_finite(found, swift_name)
            return found

        mask = optional("target_mask", "targetMask", torch.float32, torch.ones(shape))
        _check_each(mask, (mask == 0) | (mask == 1), "targetMask", "invalidBatch", "0 or 1")
        batch = cls(
            input_ids=ids,
            target_ids=optional("target_ids", "targetIDs", torch.int32, None),
            target_mask=mask,
            target_weights=optional("target_weights", "targetWeights", torch.float32, torch.ones(shape)),
            segment_ids=optional("segment_ids", "segmentIDs", torch.int32, None),
            loss_inputs={
                name: tensor(value, f'lossInputs["{name}"]', torch.float32)
                for name, value in getattr(request, "loss_inputs", {}).items()
            },
        )
        for name, value in batch.loss_inputs.items():
            _check_finite(value, f'lossInputs["{name}"]')
        _check_tokens(ids, "inputIDs", torch.ones(shape), vocabulary)
        if batch.target_ids is not None:
            _check_tokens(batch.target_ids, "targetIDs", mask, vocabulary)
            # Where the mask is 0 any target will do; this one can be looked up.
            batch.target_ids = batch.target_ids * (mask != 0)
        if batch.segment_ids is not None:
            _check_runs(batch.segment_ids)
        return batch

    def check_learnable(self) -> None:
        check(self.target_ids is not None, "invalidBatch", "the batch has no targetIDs")
        check(
            self.target_mask.any(), "invalidBatch", "targetMask is 0 everywhere, so the batch has nothing to learn from",
            "at least one 1")

    def check_answerable(self, outputs: Collection[str]) -> None:
        """Whether `forward` can give these outputs."""
        known = f"one or more of {', '.join(OUTPUTS)}"
        check(outputs, "invalidBatch", "forward was asked for no output", known)
        for name in outputs:
            check(name in OUTPUTS, "invalidBatch", f'forward was asked for "{name}"', known)
        check(
            "logProbs" not in outputs or self.target_ids is not None, "invalidBatch",
            "forward was asked for logProbs without targetIDs", "the targets whose log-probabilities are wanted")

    def to(self, device: torch.device | str) -> Batch:
        def move(value: torch.Tensor | None) -> torch.Tensor | None:
            return value.to(device) if value is not None else None

        return Batch(
            self.input_ids.to(device), move(self.target_ids), self.target_mask.to(device), self.target_weights.to(device),
            move(self.segment_ids), {name: value.to(device) for name, value in self.loss_inputs.items()})


def segment_runs(segment_ids: torch.Tensor | None, shape: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """The number of each position's sequence in its row, and its place in that sequence."""
    if segment_ids is None:
        return torch.zeros(shape, dtype=torch.long), torch.arange(shape[1]).expand(shape)
    begins = torch.ones(shape, dtype=torch.bool)
    begins[:, 1:] = segment_ids[:, 1:] != segment_ids[:, :-1]
    places = torch.arange(shape[1]).expand(shape)
    first = torch.where(begins, places, 0).cummax(1).values
    return begins.long().cumsum(1), places - first


def _check_each(values: torch.Tensor, fits: torch.Tensor, name: str, code: str, expected: str) -> None:
    """That all of them fit, or where the first is that does not."""
    if not fits.all():
        place = (~fits).nonzero()[0].tolist()
        found = values[tuple(place)].item()
        raise TrainerError(code, f"{name}{place or ''} is {f'{found:.9g}' if values.is_floating_point() else found}", expected)


def _check_finite(value: torch.Tensor, name: str) -> None:
    if value.is_floating_point():
        _check_each(value, torch.isfinite(value), name, "invalidBatch", "a finite number")


def _check_tokens(ids: torch.Tensor, name: str, counts: torch.Tensor, vocabulary: int) -> None:
    fits = ((ids >= 0) & (ids < vocabulary)) | (counts == 0)
    _check_each(ids, fits, name, "tokenOutOfRange", f"a token id in 0..<{vocabulary}")


def _check_runs(segment_ids: torch.Tensor) -> None:
    for row, ids in enumerate(segment_ids.tolist()):
        seen = set()
        for column, id in enumerate(ids):
            if column == 0 or id != ids[column - 1]:
                check(
                    id not in seen, "invalidBatch", f"segmentIDs[{row}, {column}] takes up segment {id} again",
                    "each segment in one unbroken run")
                seen.add(id)
