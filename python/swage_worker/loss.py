"""Runs loss programs on torch: the serial form of Sources/Swage/Loss/LossFunction+Codable.swift, version 1.

Autograd differentiates; the program only says what is computed. What each operation means stands in operations.py,
which is generated from the Swift table.
"""

from dataclasses import dataclass

import torch

from .errors import TrainerError, check
from .operations import OPERATIONS

# What a loss may read of a model.
OUTPUTS = ("logProbs", "entropy", "logits", "hiddenStates", "outputHead")


@dataclass
class Context:
    """What a program is evaluated with: its tensors, and how long its named axes are."""

    outputs: dict
    fields: dict
    axes: dict
    segment_ids: torch.Tensor | None = None
    dtype: torch.dtype = torch.float32

    def shape(self, axes):
        return [self.axes[axis] if isinstance(axis, str) else axis for axis in axes]


def evaluate(program, context):
    """Returns the sum, the denominator, and the metrics by name, all of them scalars."""
    if (program["format"], program["version"]) != ("swage.loss", 1):
        raise ValueError(f"the loss has the form {program['format']}, version {program['version']}; expected version 1")
    values = []
    for node in program["nodes"]:
        values.append(_value(node, values, context))
    metrics = {metric["name"]: values[metric["node"]] for metric in program["metrics"]}
    return values[program["sum"]], values[program["denominator"]], metrics


def outputs_read(program, batch):
    """Which outputs of the model the program reads, all of them known, and all that it reads of the batch there."""
    read = {node["name"] for node in program["nodes"] if node["op"] == "output"}
    for name in read:
        check(name in OUTPUTS, "invalidLoss", f'the loss "{program["name"]}" reads "{name}"', f"any of {OUTPUTS}")
    known = {"inputIDs", "targetIDs", "targetMask", "targetWeights", "segmentIDs", *batch.loss_inputs}
    for node in program["nodes"]:
        if node["op"] == "field":
            check(node["name"] in known, "invalidLoss", f'the loss "{program["name"]}" reads "{node["name"]}", which the batch does not have', f"any of {sorted(known)}")
    return read


def evaluate_batch(program, batch, outputs, vocabulary, hidden):
    """The sum, the denominator and the metrics of a loss; in double precision where its outputs are small.

    Raises TrainerError if the program does not fit the batch, or if its value is not finite."""
    small = {"logProbs", "entropy"}.issuperset(outputs) and batch.target_mask.device.type == "cpu"
    dtype = torch.float64 if small else torch.float32
    fields = dict(
        inputIDs=batch.input_ids, targetIDs=batch.target_ids, targetMask=batch.target_mask,
        targetWeights=batch.target_weights, **batch.loss_inputs)
    if batch.segment_ids is not None:
        fields["segmentIDs"] = batch.segment_ids
    context = Context(
        outputs={name: value.to(dtype) for name, value in outputs.items()},
        fields={name: value.to(dtype) for name, value in fields.items()},
        axes=dict(batch=batch.shape[0], sequence=batch.shape[1], vocabulary=vocabulary, hidden=hidden),
        segment_ids=batch.segment_ids, dtype=dtype)
    try:
        total, denominator, metrics = evaluate(program, context)
    except (RuntimeError, IndexError, KeyError, ValueError) as error:
        raise TrainerError("invalidLoss", f'the loss "{program["name"]}" cannot be evaluated: {error}') from error
    check(
        torch.isfinite(total / denominator) and denominator > 0, "nonFinite",
        f'the loss "{program["name"]}" is {total.item()} / {denominator.item()}',
        "a finite sum and a denominator above 0")
    return total, denominator, metrics


def _value(node, values, context):
    operation = node["op"]
    if operation == "output":
        return context.outputs[node["name"]]
    if operation == "field":
        return context.fields[node["name"]]
    if operation == "constant":
        return torch.tensor(node["value"], dtype=context.dtype)
    result = OPERATIONS[operation]([values[index] for index in node["of"]], node, context)
    return torch.as_tensor(result).to(context.dtype)
