"""Loss programs as they come over the wire, checked as Swift's decoder checks them: what is read here can be evaluated."""

import json
import math
from typing import Any, NoReturn

from .errors import TrainerError, check
from .operations import OPERATIONS

# A program's serial form. What `read` gives has what a program has.
Program = dict[str, Any]
# As LossProgram's limits in Swift.
MOST_NODES, MOST_DEPTH, MOST_EXTENT, MOST_NAME_BYTES = 4096, 1024, 1 << 20, 256
LEAVES = ("output", "field", "constant")
AXES = ("batch", "sequence", "vocabulary", "hidden", "pairs")
# What a program, a node and a metric may have; anything else is a mistake, or a later version.
KEYS = {"format", "version", "name", "nodes", "sum", "denominator", "metrics"}
NODE_KEYS = {"op", "of", "name", "value", "axis", "index", "reverse", "shape"}
METRIC_KEYS = {"name", "node", "kind", "sum", "over"}


def read(data: bytes) -> Program:
    """The program in `data`, JSON, or a TrainerError with code invalidLoss."""
    try:
        program = json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise TrainerError("invalidLoss", f"the loss cannot be read: {error}", "its serial form, in JSON") from error
    try:
        _check(program)
    except (KeyError, TypeError, AttributeError) as error:
        raise TrainerError("invalidLoss", f"the loss lacks what a loss has: {error}", "its serial form, version 1") from error
    return program


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _check(program: Any) -> None:
    name = program["name"]

    def fail_unless(holds: object, what: str, expected: str | None = None) -> None:
        check(holds, "invalidLoss", f'the loss "{str(name)[:64]}" {what}', expected)

    form = program["format"], program["version"]
    fail_unless(form == ("swage.loss", 1), f"has the form {form[0]}, version {form[1]}", "swage.loss, version 1")
    nodes, metrics = program["nodes"], program["metrics"]
    fail_unless(1 <= len(nodes) <= MOST_NODES, f"has {len(nodes)} nodes", f"1 to {MOST_NODES}")
    wholes = [(program, KEYS), *((node, NODE_KEYS) for node in nodes), *((metric, METRIC_KEYS) for metric in metrics)]
    for whole, known in wholes:
        odd = min(set(whole) - known, default=None)
        fail_unless(odd is None, f'has the key "{odd}", which means nothing', f"any of {sorted(known)}")
    names = [metric["name"] for metric in metrics]
    fail_unless(len(set(names)) == len(names), "has two metrics of one name", "a name for each")
    for text in [name, *names]:
        fits = not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text) and 1 <= len(text.encode()) <= MOST_NAME_BYTES
        fail_unless(fits, f"has the name {text[:64]!r}", f"1 to {MOST_NAME_BYTES} bytes, without control characters")
    depths: list[int] = []
    for index, node in enumerate(nodes):
        operation, operands = node["op"], node.get("of") or []
        earlier = all(type(operand) is int and 0 <= operand < index for operand in operands)
        fail_unless(earlier, f"has node {index} read the nodes {operands}", "earlier ones")
        depths.append(1 + max((depths[operand] for operand in operands), default=0))
        fail_unless(depths[-1] <= MOST_DEPTH, f"is {depths[-1]} nodes deep", f"at most {MOST_DEPTH}")
        is_known = operation in LEAVES if not operands else operation in OPERATIONS
        fail_unless(is_known, f'has a node {index} that is "{operation}"', "an operation with operands, or a leaf")
        value = node.get("value")
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        fail_unless(
            value is None and operation not in ("constant", "power") or is_number and math.isfinite(value),
            f"has a node {index} whose value is {value}", "a finite number")
        for key in ("axis", "index"):
            number = node.get(key)
            fail_unless(number is None or type(number) is int and number >= 0, f"has a node {index} whose {key} is {number}", "0 or more")
        for axis in node.get("shape") or []:
            fits = axis in AXES or type(axis) is int and 1 <= axis <= MOST_EXTENT
            fail_unless(fits, f"has a node {index} with the axis {axis}", f"one of {AXES}, or 1 to {MOST_EXTENT}")
    parts = []
    for metric in metrics:
        kind = metric.get("kind")
        fail_unless(kind in (None, "sum", "maximum", "mean", "exponentialMean"), f"has the metric \"{metric['name']}\" of the kind {kind}")
        parts += [metric["node"]] + ([metric["sum"], metric["over"]] if kind in ("mean", "exponentialMean") else [])
    for index in [program["sum"], program["denominator"], *parts]:
        fail_unless(type(index) is int and 0 <= index < len(nodes), f"takes node {index} for a result", "one of its nodes")
