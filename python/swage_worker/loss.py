"""Runs loss programs on torch: the serial form of Sources/Swage/Loss/LossFunction+Codable.swift, version 1.

Autograd differentiates; the program only says what is computed. What each operation means stands in operations.py,
which is generated from the Swift table.
"""

from dataclasses import dataclass

import torch

from .operations import OPERATIONS


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
