"""Compares random loss programs from standard input with torch: value and every gradient, to 1e-4 relative.

Both sides compute in double precision, so that what differs is a mistake and not rounding.
"""

import collections
import json
import sys

import torch

from swage_worker.loss import Context, evaluate

AXES = dict(batch=2, sequence=3, vocabulary=5, hidden=4, pairs=1)
TOLERANCE = 1e-4


def tensor(item, requires_grad=False):
    return torch.tensor(item["values"], dtype=torch.float64).reshape(item["shape"]).requires_grad_(requires_grad)


def relative(found, expected):
    return ((found - expected).abs().max() / expected.abs().max().clamp(min=1e-6)).item()


def main():
    total, worst, failures = 0, 0.0, 0
    operations = collections.Counter()
    for line in sys.stdin:
        case = json.loads(line)
        outputs = {name: tensor(item, True) for name, item in case["outputs"].items()}
        context = Context(
            outputs=outputs,
            fields={name: tensor(item) for name, item in case["fields"].items()},
            axes=AXES,
            segment_ids=torch.tensor(case["segmentIDs"]).reshape(2, 3),
            dtype=torch.float64,
        )
        value, _, _ = evaluate(case["program"], context)
        differences = {"sum": relative(value.detach(), torch.tensor(case["sum"], dtype=torch.float64))}
        if value.requires_grad:
            value.backward()
        for name, found in case["gradients"].items():
            gradient = outputs[name].grad
            gradient = torch.zeros_like(outputs[name]) if gradient is None else gradient
            differences[name] = relative(torch.tensor(found, dtype=torch.float64).reshape(gradient.shape), gradient)
        total += 1
        operations.update({node["op"] for node in case["program"]["nodes"]})
        difference = max(differences.values())
        worst = max(worst, difference)
        if not difference <= TOLERANCE:
            failures += 1
            print(f"program {total} differs: {differences}\n  {json.dumps(case['program'])[:2000]}")
    print(f"{len(operations)} kinds of nodes, the rarest {operations.most_common()[-1]}; worst difference {worst:.1e}")
    print(f"{total - failures} passed, {failures} failed")
    sys.exit(failures > 0 or total == 0)


if __name__ == "__main__":
    main()
