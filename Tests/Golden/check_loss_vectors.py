"""Runs docs/loss-vectors.jsonl on torch, by the table of swage_worker: sums, denominators, metrics, gradients, refusals."""

import json
import pathlib
import re
import sys
from types import SimpleNamespace

import torch

from swage_worker.errors import TrainerError
from swage_worker.loss import Context, evaluate, evaluate_batch, outputs_read
from swage_worker.program import read
from swage_worker.shapes import OUTPUT_SHAPES

VECTORS = pathlib.Path(__file__).parents[2] / "docs/loss-vectors.jsonl"
TOLERANCE = 1e-6


def tensor(item):
    values = [float(value) for value in item["values"]]
    return torch.tensor(values, dtype=torch.float64).reshape(item["shape"])


def same(found, expected):
    """Whether two lists of numbers agree, relative to the largest magnitude; NaN and infinities only with themselves."""
    found, expected = (torch.tensor([float(value) for value in values], dtype=torch.float64) for values in (found, expected))
    odd = ~expected.isfinite()
    if not torch.equal(found[odd].nan_to_num(nan=123.0), expected[odd].nan_to_num(nan=123.0)):
        return False
    found, expected = found[~odd], expected[~odd]
    return bool(((found - expected).abs() <= TOLERANCE * expected.abs().amax().clamp(min=1e-6)).all()) if len(found) else True


def fields_of(case):
    """What the batch has, and 1 everywhere for what each batch has."""
    ones = torch.ones(case["axes"]["batch"], case["axes"]["sequence"], dtype=torch.float64)
    return {"targetMask": ones, "targetWeights": ones} | {name: tensor(item) for name, item in case["fields"].items()}


def segments_of(case):
    return case["segmentIDs"] and torch.tensor(case["segmentIDs"]).reshape(case["axes"]["batch"], -1)


def wrong(case):
    """What of a case differs, in words; nothing where all is right."""
    code, message = refusal(case)
    differing = [] if code == case.get("refused") else [f"is refused with {code}"]
    if "node" in case and not re.search(rf"\bnode {case['node']}\b", message or ""):
        differing.append(f"does not name node {case['node']}: {message}")
    if case.get("refused") == "invalidLoss":
        return differing
    outputs = {name: tensor(item).requires_grad_() for name, item in case["outputs"].items()}
    context = Context(outputs, fields_of(case), case["axes"], segments_of(case), torch.float64)
    total, denominator, metrics = evaluate(case["program"], context)
    pairs = {"sum": (total.item(), case["sum"]), "denominator": (denominator.item(), case["denominator"])}
    pairs |= {name: (metrics[name].value, value) for name, value in case["metrics"].items()}
    differing += [name for name, (found, value) in pairs.items() if not same([found], [value])]
    if case["gradients"] and total.requires_grad:
        total.backward()
    for name, values in case["gradients"].items():
        gradient = torch.zeros_like(outputs[name]) if outputs[name].grad is None else outputs[name].grad
        if not same(gradient.flatten().tolist(), values):
            differing.append(f"gradient of {name}")
    return differing


def refusal(case):
    """The code and the words with which a worker refuses the program, if it does."""
    axes, fields = case["axes"], fields_of(case)
    ids = torch.zeros(axes["batch"], axes["sequence"])
    own = {name: fields.pop(name, ids) for name in ("targetIDs", "targetMask", "targetWeights")}
    batch = SimpleNamespace(
        shape=[axes["batch"], axes["sequence"]], target_ids=own["targetIDs"], target_mask=torch.ones_like(own["targetMask"]),
        target_weights=own["targetWeights"], segment_ids=None, loss_inputs=fields)
    try:
        program = read(json.dumps(case["program"]).encode())
        given = {name: tensor(item) for name, item in case.get("outputs", {}).items()}
        names = outputs_read(program, batch, axes["vocabulary"], axes["hidden"])
        ones = {name: torch.ones([axes[axis] for axis in OUTPUT_SHAPES[name]]) for name in names}
        evaluate_batch(program, batch, ones | given, axes["vocabulary"], axes["hidden"])
    except TrainerError as error:
        return error.code, str(error)
    return None, None


def main():
    cases = [json.loads(line) for line in VECTORS.read_text().splitlines()]
    differing = {case["program"]["name"]: wrong(case) for case in cases}
    failures = {name: what for name, what in differing.items() if what}
    for name, what in failures.items():
        print(f"{name}: {', '.join(what)}")
    print(f"{len(cases) - len(failures)} passed, {len(failures)} failed")
    sys.exit(bool(failures) or not cases)


if __name__ == "__main__":
    main()
