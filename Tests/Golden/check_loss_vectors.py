"""Runs docs/loss-vectors.jsonl on torch, by the table of swage_worker: sums, denominators, metrics, gradients."""

import json
import pathlib
import sys

import torch

from swage_worker.loss import Context, evaluate

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


def wrong(case):
    """What of a case differs, in words; nothing where all is right."""
    outputs = {name: tensor(item).requires_grad_() for name, item in case["outputs"].items()}
    segments = case["segmentIDs"] and torch.tensor(case["segmentIDs"]).reshape(case["axes"]["batch"], -1)
    context = Context(outputs, {name: tensor(item) for name, item in case["fields"].items()}, case["axes"], segments, torch.float64)
    try:
        total, denominator, metrics = evaluate(case["program"], context)
    except RuntimeError as error:
        # torch refuses an id that is no index, where the reference gives NaN; both end in an error for the caller.
        return [] if "index" in str(error) and case["sum"] == "NaN" else [f"is refused: {error}"]
    pairs = {"sum": (total, case["sum"]), "denominator": (denominator, case["denominator"])}
    pairs |= {name: (metrics[name].value, value) for name, value in case["metrics"].items()}
    differing = [name for name, (found, value) in pairs.items() if not same([found], [value])]
    if case["gradients"]:
        if total.requires_grad:
            total.backward()
        for name, values in case["gradients"].items():
            gradient = torch.zeros_like(outputs[name]) if outputs[name].grad is None else outputs[name].grad
            if not same(gradient.flatten().tolist(), values):
                differing.append(f"gradient of {name}")
    return differing


def main():
    cases = [json.loads(line) for line in VECTORS.read_text().splitlines()]
    failures = {case["program"]["name"]: differing for case in cases if (differing := wrong(case))}
    for name, differing in failures.items():
        print(f"{name}: {', '.join(differing)}")
    print(f"{len(cases) - len(failures)} passed, {len(failures)} failed")
    sys.exit(bool(failures) or not cases)


if __name__ == "__main__":
    main()
