"""Compares random loss programs with torch: value, metrics and every gradient, to 1e-4 relative above 1.

fuzz_losses.py FUZZER COUNT SEED: runs FUZZER, which writes programs with the values that Swage gives them, beside this
process. Both sides compute in double precision, so that what differs is a mistake and not rounding. A program that
differs is made as small as it still differs, and printed in its serial form with its number; `FUZZER 1 SEED NUMBER` writes it
again. A program that ends FUZZER is found by its number as well.
"""

import collections
import json
import math
import subprocess
import sys
import time

import torch

from swage_worker.loss import MISFITS, Context, evaluate

TOLERANCE = 1e-4


class Inputs:
    def __init__(self, line):
        self.axes = line["axes"]
        self.values = {name: tensor(item) for name, item in line["outputs"].items()}
        self.outputs = {name: value.clone().requires_grad_(True) for name, value in self.values.items()}
        self.fields = {name: tensor(item) for name, item in line["fields"].items()}
        segments = line["segmentIDs"]
        shape = (self.axes["batch"], self.axes["sequence"])
        self.segment_ids = torch.tensor(segments).reshape(shape) if segments is not None else None

    def context(self, outputs):
        return Context(
            outputs=outputs, fields=self.fields, axes=self.axes, segment_ids=self.segment_ids, dtype=torch.float64)


def tensor(item):
    return torch.tensor(item["values"], dtype=torch.float64).reshape(item["shape"])


def relative(found, expected):
    """Of two numbers; that both are NaN, or the same infinity, is no difference."""
    if found == expected or math.isnan(found) and math.isnan(expected):
        return 0.0
    difference = abs(found - expected) / max(1.0, abs(expected))
    return math.inf if math.isnan(difference) else difference


def computed(case, inputs, outputs, disturbed=None):
    """What torch makes of a program: the sum, the metrics, the gradients that are asked for."""
    total, _, metrics = evaluate(case["program"], inputs.context(outputs), disturbed=disturbed)
    values = {"sum": total.item()}
    for metric in case["program"]["metrics"]:
        values[metric["name"]] = metrics[metric["name"]].value
    gradients = {}
    names = list(case["gradients"])
    if names and total.requires_grad:
        found = torch.autograd.grad(total, [outputs[name] for name in names], allow_unused=True)
        gradients = {name: gradient for name, gradient in zip(names, found, strict=True) if gradient is not None}
    return values, gradients


def differences(case, inputs):
    # Without gradients torch takes a third of the time.
    with torch.set_grad_enabled(bool(case["gradients"])):
        values, gradients = computed(case, inputs, inputs.outputs if case["gradients"] else inputs.values)
    result = {"sum": relative(case["sum"], values["sum"])}
    for metric, value in zip(case["program"]["metrics"], case["metrics"], strict=True):
        result[metric["name"]] = relative(value, values[metric["name"]])
    for name, expected in case["gradients"].items():
        found = gradients.get(name)
        expected = torch.tensor(expected, dtype=torch.float64)
        found = found.flatten() if found is not None else torch.zeros_like(expected)
        difference = ((expected - found).abs() / expected.abs().clamp(min=1)).max().item() if len(expected) else 0.0
        result[name] = math.inf if math.isnan(difference) else difference
    return result


def is_unsteady(case, inputs):
    """Whether rounding decides: torch itself gives something else if every node's value differs in the 13th digit. What is a
    whole number stays one; a zero may have either sign, which depends on the order of a sum, and what is as near to it as
    rounding may be one."""
    generator = torch.Generator().manual_seed(1)

    def disturbed(value):
        noise = 1 + 1e-13 * torch.randn(value.shape, generator=generator, dtype=value.dtype)
        zeros = torch.where(torch.rand(value.shape, generator=generator) < 0.5, -0.0, 0.0).to(value.dtype)
        is_zero = (value == 0) | ((value.abs() < 1e-13) & (torch.rand(value.shape, generator=generator) < 0.5))
        return torch.where(is_zero, zeros, torch.where(value == value.round(), value, value * noise))

    first, gradients = computed(case, inputs, inputs.outputs)
    for _ in range(8):
        values, others = computed(case, inputs, inputs.outputs, disturbed)
        changes = [relative(values[name], first[name]) for name in first]
        changes += [
            ((others[name] - gradients[name]).abs() / gradients[name].abs().clamp(min=1)).max().item()
            for name in gradients if name in others]
        if not all(change <= TOLERANCE / 10 for change in changes):
            return True
    return False


def smallest(fuzzer, case, inputs, inputs_line):
    """The program cut back to the first of its nodes from which on it differs."""
    program = case["program"]
    for index in range(len(program["nodes"])):
        nodes = keep(program["nodes"], index)
        if nodes is None:
            continue
        small = dict(program, nodes=nodes, sum=len(nodes) - 1, denominator=len(nodes) - 1, metrics=[])
        try:
            rank = len(shape_of(small, inputs))
            for axis in reversed(range(rank)):
                nodes.append(dict(op="sum", of=[len(nodes) - 1], axis=axis))
                nodes.append(dict(op="removeAxis", of=[len(nodes) - 1], axis=axis))
            small["sum"] = small["denominator"] = len(nodes) - 1
            answer = subprocess.run(
                [fuzzer, "evaluate"], input=inputs_line + json.dumps(small) + "\n", capture_output=True, text=True)
            found = json.loads(answer.stdout) if answer.returncode == 0 else None
            if found is None or not max(differences(found, inputs).values()) <= TOLERANCE:
                return small
        except (*MISFITS, json.JSONDecodeError):
            continue
    return program


def keep(nodes, last):
    """Those nodes that the node `last` needs, numbered anew."""
    needed, waiting = set(), [last]
    while waiting:
        node = waiting.pop()
        if node not in needed:
            needed.add(node)
            waiting += nodes[node].get("of") or []
    places = {node: place for place, node in enumerate(sorted(needed))}
    return [dict(nodes[node], of=[places[operand] for operand in nodes[node].get("of") or []]) for node in sorted(needed)]


def shape_of(program, inputs):
    return evaluate(dict(program, metrics=[]), inputs.context(inputs.values))[0].shape


def main():
    fuzzer, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    torch.autograd.set_detect_anomaly(False)
    total, gradients, unsteady, worst, failures, refused, last = 0, 0, 0, 0.0, 0, 0, -1
    operations, began = collections.Counter(), time.monotonic()
    process = subprocess.Popen([fuzzer, str(count), str(seed)], stdout=subprocess.PIPE, text=True)
    inputs, inputs_line, ended = None, "", False
    for line in process.stdout:
        case = json.loads(line)
        if "axes" in case:
            inputs, inputs_line = Inputs(case), line
            continue
        if "ended" in case:
            refused, ended = case["refused"], True
            continue
        last = case["number"]
        try:
            found = differences(case, inputs)
        except MISFITS as error:
            found = {str(error): math.inf}
        total += 1
        gradients += bool(case["gradients"])
        operations.update({node["op"] for node in case["program"]["nodes"]})
        difference = max(found.values())
        if not difference <= TOLERANCE or "fault" in case:
            if "fault" not in case and not isinstance(found.get("sum"), type(None)) and is_unsteady(case, inputs):
                unsteady += 1
                continue
            failures += 1
            if failures <= 20:
                program = case["program"] if "fault" in case else smallest(fuzzer, case, inputs, inputs_line)
                print(
                    f"program {last} of seed {seed} differs: {case.get('fault', found)}\n"
                    f"  {json.dumps(program)}\n  {inputs_line}", flush=True)
            continue
        worst = max(worst, difference)
        if total % 50000 == 0:
            print(f"{total} programs, {failures} differ, {time.monotonic() - began:.0f} s", flush=True)
    if process.wait() != 0 or not ended:
        failures += 1
        print(f"the fuzzer ended with {process.returncode} after program {last} of seed {seed}: {fuzzer} 1024 {seed} {last + 1} says where")
    print(f"{len(operations)} kinds of nodes, the rarest {operations.most_common()[-1:]}; worst difference {worst:.1e}")
    print(
        f"{total} programs compared in {time.monotonic() - began:.0f} s, {gradients} with gradients; {refused} damaged ones refused; "
        f"{unsteady} left out, in which rounding decides; {failures} failed")
    sys.exit(failures > 0 or total == 0)


if __name__ == "__main__":
    main()
