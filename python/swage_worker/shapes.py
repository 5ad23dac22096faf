"""The shapes of a loss program's values, by the names of their axes, as Swift's LossTrace infers them from its operations' table:
torch looks at lengths alone, and would take what other engines refuse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .errors import TrainerError

# Axes with a name, whose length comes with the batch and the model, and of a fixed length.
Shape = list[int | str]
Node = dict[str, Any]
Rule = Callable[[Node, list[Shape]], Shape]

AXES = ("batch", "sequence", "vocabulary", "hidden", "pairs")
# As LossProgram's limits in Swift.
MOST_AXES, MOST_EXTENT = 8, 1 << 20
PER_TOKEN: Shape = ["batch", "sequence"]
OWN_FIELDS = ("targetIDs", "targetMask", "targetWeights")
OUTPUT_SHAPES: dict[str, Shape] = {
    "logProbs": PER_TOKEN, "entropy": PER_TOKEN, "logits": [*PER_TOKEN, "vocabulary"], "hiddenStates": [*PER_TOKEN, "hidden"],
    "outputHead": ["vocabulary", "hidden"]}


class Misfit(Exception):
    """What does not fit about a node, in words."""


def shapes_of(nodes: Sequence[Node], called: str) -> list[Shape]:
    """The shape of each node, or a TrainerError with code invalidLoss and the number of the first that does not fit. `called`: what
    an error calls the program."""
    shapes: list[Shape] = []
    fields: dict[str, Shape] = {}
    for index, node in enumerate(nodes):
        try:
            shape = _shape(node, [shapes[operand] for operand in node.get("of", ())])
            if node["op"] == "field":
                known = fields.setdefault(node["name"], shape)
                _need(known == shape, f'"{node["name"]}" is read with the shape {shown(known)}, and with the shape {shown(shape)}')
            _check_size(shape)
        except Misfit as misfit:
            raise TrainerError(
                "invalidLoss", f"{called} does not fit together at node {index}, {node['op']:.64}: {misfit}",
                "operands that fit") from misfit
        shapes.append(shape)
    return shapes


def shown(shape: Sequence[int | str]) -> str:
    """As Swift writes it."""
    return f"[{', '.join(map(str, shape))}]"


def _need(holds: object, what: str) -> None:
    if not holds:
        raise Misfit(what)


def _shape(node: Node, operands: list[Shape]) -> Shape:
    operation = node["op"]
    if operation == "constant":
        return []
    if operation == "output":
        _need(node["name"] in OUTPUT_SHAPES, f'there is no model output "{node["name"]}"')
        return OUTPUT_SHAPES[node["name"]]
    if operation == "field":
        shape: Shape = node["shape"]
        _need(node["name"] not in OWN_FIELDS or shape == PER_TOKEN, f"{node['name']} is {shown(PER_TOKEN)}, not {shown(shape)}")
        return shape
    _need(operation in RULES, f'there is no operation "{operation:.64}"')
    arity, rule = RULES[operation]
    _need(len(operands) == arity, f"{operation} takes {arity} operands, not {len(operands)}")
    return rule(node, operands)


def _check_size(shape: Shape) -> None:
    _need(len(shape) <= MOST_AXES, f"{shown(shape)} has more than {MOST_AXES} axes")
    fixed = 1
    for axis in shape:
        fixed *= axis if isinstance(axis, int) else 1
    _need(fixed <= MOST_EXTENT, f"{shown(shape)} has an impossible size")


def _meet(*shapes: Shape) -> Shape:
    """Axes are aligned at the last one, and a 1 is repeated."""
    first, *others = shapes
    for other in others:
        rank = max(len(first), len(other))
        ones: Shape = [1]
        a, b = ones * (rank - len(first)) + first, ones * (rank - len(other)) + other
        _need(all(x == y or 1 in (x, y) for x, y in zip(a, b, strict=True)), f"{shown(first)} does not meet {shown(other)}")
        first = [y if x == 1 else x for x, y in zip(a, b, strict=True)]
    return first


def _meets_as(a: Shape, b: Shape, result: Shape) -> bool:
    try:
        return _meet(a, b) == result
    except Misfit:
        return False


def _same(node: Node, of: list[Shape]) -> Shape:
    return of[0]


def _meeting(node: Node, of: list[Shape]) -> Shape:
    return _meet(*of)


def _axis(node: Node, shape: Shape, more: int = 0) -> int:
    axis: int = node["axis"]
    _need(axis < len(shape) + more, f"{shown(shape)} has no axis {axis}" if not more else f"{shown(shape)} has no place for an axis there")
    return axis


def _along(node: Node, of: list[Shape]) -> Shape:
    _axis(node, of[0])
    return of[0]


def _reduced(node: Node, of: list[Shape]) -> Shape:
    axis = _axis(node, of[0])
    return [*of[0][:axis], 1, *of[0][axis + 1 :]]


def _size(node: Node, of: list[Shape]) -> Shape:
    _axis(node, of[0])
    return []


def _broadcast(node: Node, of: list[Shape]) -> Shape:
    _need(_meets_as(of[0], node["shape"], node["shape"]), f"{shown(of[0])} cannot be repeated to {shown(node['shape'])}")
    return node["shape"]


def _summed(node: Node, of: list[Shape]) -> Shape:
    _need(_meets_as(of[0], node["shape"], of[0]), f"{shown(of[0])} cannot be summed to {shown(node['shape'])}")
    return node["shape"]


def _inserted(node: Node, of: list[Shape]) -> Shape:
    axis = _axis(node, of[0], 1)
    return [*of[0][:axis], 1, *of[0][axis:]]


def _removed(node: Node, of: list[Shape]) -> Shape:
    axis = _axis(node, of[0])
    _need(of[0][axis] == 1, f"axis {axis} of {shown(of[0])} is not 1 and cannot be removed")
    return [*of[0][:axis], *of[0][axis + 1 :]]


def _taken(node: Node, of: list[Shape]) -> Shape:
    axis = _axis(node, of[0])
    length = of[0][axis]
    _need(isinstance(length, int) and node["index"] < length, f"axis {axis} of {shown(of[0])} has no element {node['index']}")
    return [*of[0][:axis], *of[0][axis + 1 :]]


def _placed(node: Node, of: list[Shape]) -> Shape:
    axis = _axis(node, of[0], 1)
    length = next(iter(node["shape"]), None)
    _need(isinstance(length, int) and node["index"] < length, f"{shown(of[0])} cannot be placed there")
    return [*of[0][:axis], *node["shape"][:1], *of[0][axis:]]


def _transposed(node: Node, of: list[Shape]) -> Shape:
    _need(len(of[0]) >= 2, f"{shown(of[0])} has no two axes to exchange")
    return [*of[0][:-2], of[0][-1], of[0][-2]]


def _split(node: Node, of: list[Shape]) -> Shape:
    _need(of[0][:1] == ["batch"], f"{shown(of[0])} does not begin with batch")
    return ["pairs", 2, *of[0][1:]]


def _joined(node: Node, of: list[Shape]) -> Shape:
    _need(of[0][:2] == ["pairs", 2], f"{shown(of[0])} does not begin with pairs of 2")
    return ["batch", *of[0][2:]]


def _gathered(node: Node, of: list[Shape]) -> Shape:
    values, ids = of
    _need(ids and len(values) == len(ids) and values[:-1] == ids[:-1], f"{shown(ids)} does not pick from {shown(values)}")
    return ids


def _scattered(node: Node, of: list[Shape]) -> Shape:
    values, ids = of
    _need(values and values == ids and node["shape"], f"{shown(values)} cannot be put where {shown(ids)} says")
    return [*values[:-1], node["shape"][0]]


def _product(node: Node, of: list[Shape]) -> Shape:
    x, matrix = of
    _need(len(matrix) == 2 and x and x[-1] == matrix[0], f"{shown(x)} cannot be multiplied by the matrix {shown(matrix)}")
    return [*x[:-1], matrix[1]]


def _outer(node: Node, of: list[Shape]) -> Shape:
    a, b = of
    _need(a and b and a[:-1] == b[:-1], f"{shown(a)} and {shown(b)} do not have the same rows")
    return [a[-1], b[-1]]


def _of_sequences(node: Node, of: list[Shape]) -> Shape:
    _need(of[0] == PER_TOKEN, f"{shown(of[0])} is not {shown(PER_TOKEN)}, in which sequences are told apart")
    return PER_TOKEN


def _rules(names: str, arity: int, rule: Rule) -> dict[str, tuple[int, Rule]]:
    return dict.fromkeys(names.split(), (arity, rule))


# How many operands each operation has, and the shape that they give.
RULES = {
    **_rules("abs exp log negate not power relu sigmoid sign softplus sqrt stopGradient tanh", 1, _same),
    **_rules("add and divide equal greater greaterOrEqual less lessOrEqual maximum minimum multiply notEqual or subtract", 2, _meeting),
    **_rules("select", 3, _meeting),
    **_rules("cumulativeSum logSoftmax softmax", 1, _along),
    **_rules("logSumExp max min sum", 1, _reduced),
    **_rules("segmentCumulativeSum segmentSum", 1, _of_sequences),
    "size": (1, _size), "broadcastTo": (1, _broadcast), "sumTo": (1, _summed), "insertAxis": (1, _inserted),
    "removeAxis": (1, _removed), "take": (1, _taken), "place": (1, _placed), "transpose": (1, _transposed), "splitPairs": (1, _split),
    "joinPairs": (1, _joined), "gather": (2, _gathered), "scatter": (2, _scattered), "matmul": (2, _product), "outer": (2, _outer)}

# What each node needs beside its operands. The rest of what it may have is passed over.
NEEDS = {
    "output": ("name",), "field": ("name", "shape"), "constant": ("value",), "power": ("value",), "scatter": ("shape",),
    "take": ("axis", "index"), "place": ("axis", "index", "shape"), "broadcastTo": ("shape",), "sumTo": ("shape",),
    "cumulativeSum": ("axis", "reverse"), "segmentCumulativeSum": ("reverse",),
    **dict.fromkeys("sum max min logSumExp softmax logSoftmax size insertAxis removeAxis".split(), ("axis",))}
