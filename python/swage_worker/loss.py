"""Runs loss programs on torch: the serial form of Sources/Swage/Loss/LossFunction+Codable.swift, version 1.

Autograd differentiates; the program only says what is computed. What each operation means stands in operations.py,
which is generated from the Swift table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from . import memory
from .errors import Cancelled, IsCancelled, TrainerError, check
from .operations import OPERATIONS
from .shapes import OWN_FIELDS, shapes_of, shown

if TYPE_CHECKING:
    from .batch import Batch
    from .program import Program

# What a loss may read of a model.
OUTPUTS = ("logProbs", "entropy", "logits", "hiddenStates", "outputHead")
# As LossProgram.maximumElementCount in Swift.
MOST_ELEMENTS = 1 << 31
# What a program that does not fit its tensors ends in, and no other fault does.
MISFITS = (RuntimeError, IndexError, KeyError, ValueError, TypeError, AttributeError, OverflowError)


@dataclass
class Context:
    """What a program is evaluated with: its tensors, and how long its named axes are."""

    outputs: dict[str, torch.Tensor]
    fields: dict[str, torch.Tensor]
    axes: dict[str, int]
    segment_ids: torch.Tensor | None = None
    dtype: torch.dtype = torch.float32

    @property
    def device(self) -> torch.device:
        """Where its tensors are, and what a program makes of nothing belongs."""
        return next((value.device for value in [*self.outputs.values(), *self.fields.values()]), torch.device("cpu"))

    def shape(self, axes: Sequence[int | str]) -> list[int]:
        return _lengths(axes, self.axes)


@dataclass
class Metric:
    """What a loss reports: of a mean its sum and what that is divided by, of others the number itself."""

    kind: str
    # Scalars of torch, or plain ones.
    numbers: list[Any]

    @property
    def value(self) -> float:
        """The number that people read."""
        numbers = torch.tensor([float(number) for number in self.numbers], dtype=torch.float64)
        mean = numbers[0] / numbers[-1]
        return {"mean": mean, "exponentialMean": mean.exp()}.get(self.kind, numbers[0]).item()


@dataclass
class Result:
    """What a loss comes to on a batch, in plain numbers."""

    sum: float
    denominator: float
    metrics: dict[str, Metric]

    @classmethod
    def of(cls, total: torch.Tensor, denominator: torch.Tensor, metrics: dict[str, Metric]) -> Result:
        plain = {name: Metric(metric.kind, [number.item() for number in metric.numbers]) for name, metric in metrics.items()}
        return cls(total.item(), denominator.item(), plain)


def evaluate(
    program: Program, context: Context, is_cancelled: IsCancelled | None = None,
    disturbed: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> tuple[torch.Tensor, torch.Tensor, dict[str, Metric]]:
    """Returns the sum, the denominator, and the metrics by name, their numbers scalars. Raises Cancelled between two nodes,
    here or on the way back. `disturbed`: what tests make of each node's value."""
    values = _values(program, context, is_cancelled, disturbed)
    denominator = values[program["denominator"]]
    metrics = {metric["name"]: _metric(metric, values, denominator) for metric in program["metrics"]}
    return values[program["sum"]], denominator, metrics


def _metric(metric: dict[str, Any], values: list[torch.Tensor], denominator: torch.Tensor) -> Metric:
    kind, value = metric.get("kind"), values[metric["node"]]
    if kind is None:
        # All that is known of it is its value: it weighs what the loss weighs.
        return Metric("mean", [value * denominator, denominator])
    means = kind in ("mean", "exponentialMean")
    return Metric(kind, [values[metric["sum"]], values[metric["over"]]] if means else [value])


def _values(
    program: Program, context: Context, is_cancelled: IsCancelled | None = None,
    disturbed: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> list[torch.Tensor]:
    values: list[torch.Tensor] = []

    def end_if_cancelled(_: torch.Tensor | None = None) -> None:
        if is_cancelled is not None and is_cancelled():
            raise Cancelled

    for node in program["nodes"]:
        value = _value(node, values, context)
        if disturbed is not None and node.get("of"):
            value = disturbed(value)
        if is_cancelled is not None:
            end_if_cancelled()
            if value.requires_grad and node["op"] != "output":
                value.register_hook(end_if_cancelled)
        values.append(value)
    return values


def bytes_needed(program: Program, context: Context) -> int:
    """How many bytes the values of a program take until its gradient is there, found out without any of them."""
    def shadow(value: torch.Tensor) -> torch.Tensor:
        return torch.empty(value.shape, dtype=value.dtype, device="meta")

    shadows = replace(
        context, outputs={name: shadow(value) for name, value in context.outputs.items()},
        fields={name: shadow(value) for name, value in context.fields.items()},
        segment_ids=shadow(context.segment_ids) if context.segment_ids is not None else None)
    memories: dict[int, int] = {}
    for value in _values(program, shadows):
        # Views share one memory.
        storage = value.untyped_storage()
        memories[storage._cdata] = value.dtype.itemsize * min(value.numel(), max(1, storage.nbytes() // value.dtype.itemsize))
    return sum(memories.values()) + 2 * max(memories.values(), default=0)


def outputs_read(program: Program, batch: Batch, vocabulary: int, hidden: int) -> set[str]:
    """Which outputs of the model the program reads, once it is known to fit the batch and the model."""
    called, axes = f'the loss "{program["name"]}"', _axes(batch, vocabulary, hidden)

    def need(holds: object, what: str, expected: str) -> None:
        check(holds, "invalidLoss", f"{called} {what}", expected)

    shapes = shapes_of(program["nodes"], called)
    for node, shape in zip(program["nodes"], shapes, strict=True):
        here = _lengths(shape, axes)
        need(
            math.prod(here) <= MOST_ELEMENTS, f"has a value of shape {shown(shape)}, which is {shown(here)} here",
            f"at most {MOST_ELEMENTS} elements")
        if node["op"] == "field" and node["name"] not in OWN_FIELDS:
            place, found = f'lossInputs["{node["name"]}"]', batch.loss_inputs.get(node["name"])
            names = ", ".join(sorted(batch.loss_inputs)) or "none"
            need(found is not None, f"reads {place}, which the batch does not have", f"it among the batch's lossInputs: {names}")
            assert found is not None
            need(
                list(found.shape) == here, f"reads {place}, which has the shape {shown(found.shape)}",
                f"{shown(shape)}, which is {shown(here)} here")
    has_pairs = any("pairs" in shape for shape in shapes)
    need(not has_pairs or axes["batch"] % 2 == 0, f"reads the batch in pairs, and the batch has {axes['batch']} rows", "an even number")
    return {node["name"] for node in program["nodes"] if node["op"] == "output"}


def _axes(batch: Batch, vocabulary: int, hidden: int) -> dict[str, int]:
    rows, columns = batch.shape
    return dict(batch=rows, sequence=columns, vocabulary=vocabulary, hidden=hidden, pairs=rows // 2)


def _lengths(shape: Sequence[int | str], axes: dict[str, int]) -> list[int]:
    return [axes[axis] if isinstance(axis, str) else axis for axis in shape]


def gradients_of(total: torch.Tensor, tensors: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    """Those of a scalar by each tensor: 0 by what it does not depend on, which may be all of them."""
    if not total.requires_grad:
        return [torch.zeros_like(tensor) for tensor in tensors]
    return torch.autograd.grad(total, list(tensors), materialize_grads=True)


def evaluate_batch(
    program: Program, batch: Batch, outputs: dict[str, torch.Tensor], vocabulary: int, hidden: int,
    is_cancelled: IsCancelled | None = None, copies: int = 1,
) -> tuple[torch.Tensor, torch.Tensor, dict[str, Metric]]:
    """The sum, the denominator and the metrics of a loss; in double precision where its outputs are small.

    The program fits the batch, as `outputs_read` has found. Raises TrainerError if it does not fit the memory, or if its value is
    not finite. `copies`: how many processes of this machine do the same."""
    small = {"logProbs", "entropy"}.issuperset(outputs) and batch.target_mask.device.type == "cpu"
    dtype = torch.float64 if small else torch.float32
    fields: dict[str, Any] = {
        **batch.loss_inputs, "targetIDs": batch.target_ids, "targetMask": batch.target_mask,
        "targetWeights": batch.target_weights}
    context = Context(
        outputs={name: _read_where_counted(name, value, batch.target_mask).to(dtype) for name, value in outputs.items()},
        fields={name: value.to(dtype) for name, value in fields.items()},
        axes=_axes(batch, vocabulary, hidden),
        segment_ids=batch.segment_ids, dtype=dtype)
    name = program["name"]
    needed = copies * bytes_needed(program, context)
    memory.require(needed, f'the loss "{name}" on a batch of {batch.shape[0]} × {batch.shape[1]}', batch.target_mask.device)
    try:
        total, denominator, metrics = evaluate(program, context, is_cancelled)
    except RuntimeError as error:
        if "can't allocate memory" in str(error):
            raise TrainerError("tooLarge", f'there is no memory for the loss "{name}"', "smaller microbatches") from error
        raise
    if not (torch.isfinite(total / denominator) and torch.isfinite(denominator) and denominator > 0):
        raise TrainerError(
            "nonFinite", f'the loss "{name}" is {total.item()} / {denominator.item()}{_origin_of_non_finite(program, context)}',
            "a finite sum and a finite denominator above 0; too high a learning rate drives weights to where there is none")
    return total, denominator, metrics


def _origin_of_non_finite(program: Program, context: Context) -> str:
    """Where the NaN or infinity in the sum or the denominator came from; nothing if both are finite."""
    with torch.no_grad():
        values = _values(program, context)

    def is_flawed(index: int) -> bool:
        return not bool(torch.isfinite(values[index]).all())

    origin = next(filter(is_flawed, (program["sum"], program["denominator"])), None)
    if origin is None:
        return ""
    # What another value hides, as select does, is not on this way.
    while (operand := next(filter(is_flawed, program["nodes"][origin].get("of", ())), None)) is not None:
        origin = operand
    place = (~torch.isfinite(values[origin])).nonzero()[0]
    where = f" at {place.tolist()}" if len(place) > 0 else ""
    return f": {_describe(program, origin)} is {values[origin][tuple(place)].item()}{where}"


def _describe(program: Program, index: int, depth: int = 3) -> str:
    """The expression that a node stands for, as one would write it, cut where it gets long."""
    node = program["nodes"][index]
    if not node.get("of"):
        return str(float(node["value"])) if node["op"] == "constant" else str(node["name"])
    if depth == 0:
        return "…"
    return f'{node["op"]}({", ".join(_describe(program, operand, depth - 1) for operand in node["of"])})'


def _read_where_counted(name: str, value: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """What reads as 0 where the mask is 0, as in every engine: what stands there changes nothing."""
    if name == "outputHead" or bool((mask != 0).all()):
        return value
    return torch.where((mask != 0).reshape(*mask.shape, *[1] * (value.dim() - mask.dim())), value, 0)


def _value(node: dict[str, Any], values: list[torch.Tensor], context: Context) -> torch.Tensor:
    operation = node["op"]
    if operation == "output":
        return context.outputs[node["name"]]
    if operation == "field":
        value, shape = context.fields[node["name"]], context.shape(node["shape"])
        if list(value.shape) != shape:
            raise ValueError(f'"{node["name"]}" has the shape {list(value.shape)}, not {shape}')
        return value
    if operation == "constant":
        return torch.tensor(node["value"], dtype=context.dtype, device=context.device)
    result = OPERATIONS[operation]([values[index] for index in node["of"]], node, context)
    return torch.as_tensor(result, device=context.device if isinstance(result, int) else None).to(context.dtype)
