"""Loss programs as they come over the wire, checked as Swift's decoder checks them: what is read here can be evaluated."""

from __future__ import annotations

import json
import math
import unicodedata
from typing import Any

from .errors import TrainerError
from .shapes import AXES, MOST_EXTENT, NEEDS, Shape, shapes_of

# A program's serial form. What `read` gives has what a program has, and nothing that it does not need.
Program = dict[str, Any]
# As LossProgram's limits in Swift.
MOST_NODES, MOST_DEPTH, MOST_NAME_BYTES, MOST_BYTES = 4096, 1024, 256, 16 << 20
LEAVES = ("output", "field", "constant")
KINDS = ("sum", "maximum", "mean", "exponentialMean")
MEANS = ("mean", "exponentialMean")
# What a program, a node and a metric may have; anything else is a mistake, or a later version.
KEYS = {"format", "version", "name", "nodes", "sum", "denominator", "metrics"}
NODE_KEYS = {"op", "of", "name", "value", "axis", "index", "reverse", "shape"}
METRIC_KEYS = {"name", "node", "kind", "sum", "over"}
FORM = "its serial form, in JSON, as docs/LossPrograms.md has it"


def read(data: bytes) -> Program:
    """The program in `data`, JSON in UTF-8, or a TrainerError with code invalidLoss."""
    if len(data) > MOST_BYTES:
        raise TrainerError("invalidLoss", f"the loss has {len(data)} bytes", f"at most {MOST_BYTES}")
    try:
        text = data.decode()
        if text.startswith("\ufeff"):
            raise ValueError("it begins with a mark of the order of bytes")
        found = json.loads(
            text, object_pairs_hook=_object, parse_constant=_number, parse_float=_number, parse_int=_integer)
        # Half of a pair of surrogates is no text.
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        raise TrainerError("invalidLoss", f"the loss cannot be read: byte {error.start + 1} is no UTF-8", FORM) from error
    except UnicodeEncodeError as error:
        raise TrainerError("invalidLoss", "the loss cannot be read: it has half of a surrogate pair", FORM) from error
    except (ValueError, RecursionError) as error:
        raise TrainerError("invalidLoss", f"the loss cannot be read: {error}", FORM) from error
    return checked(found)


def checked(found: Any) -> Program:
    """The program that an object of JSON is, or a TrainerError with code invalidLoss."""
    return _Reader().program(found)


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in members:
        if key in found:
            raise ValueError(f'the key "{key:.60}" comes twice')
        found[key] = value
    return found


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text:.40} is no number")
    return number


def _integer(text: str) -> int:
    _number(text)
    return int(text)


class _Reader:
    """Reads a program, and says of what is wrong about it where it is."""

    def __init__(self) -> None:
        # What an error calls the program.
        self.called = "the loss"

    def program(self, found: Any) -> Program:
        whole = self.members(found, None, KEYS)
        for key in sorted(KEYS):
            self.need(key in whole, f'has no "{key}"', FORM)
        name = self.name(whole["name"], "a name")
        self.called = f'the loss "{name[:64]}"'
        form, version = whole["format"], self.whole_number(whole["version"], "version")
        self.need((form, version) == ("swage.loss", 1), f"has the form {_shown(form)}, version {version}", "swage.loss, version 1")
        nodes, metrics = whole["nodes"], whole["metrics"]
        for key, values, least in (("nodes", nodes, 1), ("metrics", metrics, 0)):
            fits = isinstance(values, list) and least <= len(values) <= MOST_NODES
            self.need(fits, f"has {len(values) if isinstance(values, list) else 'no list of'} {key}", f"{least} to {MOST_NODES}")
        unkinded = sum(isinstance(metric, dict) and metric.get("kind") is None for metric in metrics)
        self.need(
            len(nodes) + unkinded <= MOST_NODES, f"has {len(nodes)} nodes and {unkinded} metrics without a kind",
            f"at most {MOST_NODES} together")
        program: Program = dict(format=form, version=version, name=name, nodes=[])
        depths: list[int] = []
        for node in nodes:
            program["nodes"].append(self.node(node, depths))
        shapes = shapes_of(program["nodes"], self.called)
        program["metrics"] = [self.metric(metric, index, shapes) for index, metric in enumerate(metrics)]
        names = [metric["name"] for metric in program["metrics"]]
        self.need(len(set(names)) == len(names), "has two metrics of one name", "a name for each")
        return program | {key: self.scalar(whole[key], key, shapes) for key in ("sum", "denominator")}

    def need(self, holds: object, what: str, expected: str | None = None) -> None:
        if not holds:
            raise TrainerError("invalidLoss", f"{self.called} {what}", expected)

    def members(self, found: Any, place: str | None, known: set[str]) -> dict[str, Any]:
        """Those of an object. One that is null is as if it were not there. `place`: None for the whole program."""
        self.need(isinstance(found, dict), "is no object" if place is None else f"has a {place} that is no object", FORM)
        odd = min(set(found) - known, default=None)
        where = "" if place is None else f" in {place}"
        self.need(odd is None, f'has the key "{str(odd):.64}"{where}, which means nothing', f"any of {', '.join(sorted(known))}")
        return {key: value for key, value in found.items() if value is not None}

    def node(self, found: Any, depths: list[int]) -> dict[str, Any]:
        index = len(depths)
        node = self.members(found, f"node {index}", NODE_KEYS)
        operation, operands = node.get("op"), node.get("of", [])
        self.need(isinstance(operation, str), f"has a node {index} without an op", "an operation, or a leaf")
        assert isinstance(operation, str)
        numbers = operands if isinstance(operands, list) else [None]
        of = [_whole(number) for number in numbers]
        self.need(
            all(number is not None and 0 <= number < index for number in of), f"has node {index} read the nodes {_shown(operands)}",
            "earlier ones")
        depths.append(1 + max((depths[number] for number in of if number is not None), default=0))
        self.need(depths[-1] <= MOST_DEPTH, f"is {depths[-1]} nodes deep at node {index}", f"at most {MOST_DEPTH}")
        self.need(
            (operation in LEAVES) == (not of), f'has a node {index} that is "{operation:.64}"',
            "an operation with operands, or a leaf without")
        clean: dict[str, Any] = dict(op=operation, of=of) if of else dict(op=operation)
        for key in NEEDS.get(operation, ()):
            if key in node or key != "reverse":
                clean[key] = self.attribute(key, node.get(key), f"a node {index}, {operation},")
        return clean

    def attribute(self, key: str, value: Any, node: str) -> Any:
        if key == "name":
            return self.name(value, f"{node} with a name")
        if key == "value":
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            self.need(is_number, f"has {node} whose value is {_shown(value)}", "a finite number")
            return float(value)
        if key == "reverse":
            self.need(isinstance(value, bool), f"has {node} whose reverse is {_shown(value)}", "true or false")
            return value
        if key == "shape":
            self.need(isinstance(value, list), f"has {node} whose shape is {_shown(value)}", "a list of axes")
            return [self.axis(axis, node) for axis in value]
        number = _whole(value)
        self.need(number is not None and number >= 0, f"has {node} whose {key} is {_shown(value)}", "a whole number, 0 or more")
        return number

    def axis(self, axis: Any, node: str) -> int | str:
        if isinstance(axis, str) and axis in AXES:
            return axis
        length = _whole(axis)
        self.need(
            length is not None and 1 <= length <= MOST_EXTENT, f"has {node} with the axis {_shown(axis)}",
            f"one of {', '.join(AXES)}, or 1 to {MOST_EXTENT}")
        assert length is not None
        return length

    def name(self, text: Any, what: str) -> str:
        fits = isinstance(text, str) and 1 <= len(text.encode()) <= MOST_NAME_BYTES
        self.need(
            fits and not any(unicodedata.category(character) == "Cc" for character in text), f"has {what} that is {text!r:.64}",
            f"1 to {MOST_NAME_BYTES} bytes, without control characters")
        return text

    def metric(self, found: Any, index: int, shapes: list[Shape]) -> dict[str, Any]:
        metric = self.members(found, f"metric {index}", METRIC_KEYS)
        name, kind = self.name(metric.get("name"), f"a metric {index} with a name"), metric.get("kind")
        self.need(kind is None or kind in KINDS, f'has the metric "{name}" of the kind {_shown(kind)}', f"{', '.join(KINDS)}, or none")
        parts = ("node", "sum", "over") if kind in MEANS else ("node",)
        numbers = {key: self.scalar(metric.get(key), f'{key} of the metric "{name}"', shapes) for key in parts}
        return dict(name=name, kind=kind) | numbers if kind else dict(name=name) | numbers

    def scalar(self, value: Any, what: str, shapes: list[Shape]) -> int:
        number = _whole(value)
        self.need(number is not None and 0 <= number < len(shapes), f"takes node {_shown(value)} for its {what}", "one of its nodes")
        assert number is not None
        self.need(not shapes[number], f"takes node {number}, of shape {shapes[number]}, for its {what}", "a scalar")
        return number

    def whole_number(self, value: Any, key: str) -> int:
        number = _whole(value)
        self.need(number is not None, f"has the {key} {_shown(value)}", "a whole number")
        assert number is not None
        return number


def _whole(value: Any) -> int | None:
    """A whole number, which may be written with a point; None for all else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        return None
    return int(value)


def _shown(value: Any) -> str:
    """As JSON writes it, cut where it gets long."""
    return json.dumps(value, ensure_ascii=False)[:64]
