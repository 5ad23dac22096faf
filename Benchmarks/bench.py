"""Ours against the peers: bench.py PROGRAM [JOB]. `make bench` runs all jobs, `make bench JOB=sft-real` one.

Both sides run in turn on the machine at hand, ROUNDS times (5), and a figure is the ratio of the two. Prints one table
and writes Benchmarks/results/JOB.json.
"""

import json
import os
import pathlib
import platform
import sys
import time

from jobs import ENGINE_JOBS, ROUNDS
from jobs import JOBS as NATIVE_JOBS
from worker import THREADS

JOBS = NATIVE_JOBS | ENGINE_JOBS
RESULTS = pathlib.Path(__file__).parent / "results"


def main():
    program, names = sys.argv[1], [name for name in sys.argv[2:] if name]
    has_engines = os.path.exists(program.replace("SwageBenchmarks", "EngineBenchmarks"))
    for name in names:
        if name not in JOBS:
            sys.exit(f"there is no job {name}; there are: {', '.join(JOBS)}")
        if name in ENGINE_JOBS and not has_engines:
            sys.exit(f"{name} needs the other engines: `make engines`, and `swage setup titan`")
    names = names or list(JOBS if has_engines else NATIVE_JOBS)
    RESULTS.mkdir(exist_ok=True)
    results = []
    for name in names:
        print(f"{name}: {ROUNDS} rounds", file=sys.stderr, flush=True)
        start = time.perf_counter()
        results.append(measured(name, program))
        results[-1]["seconds"] = time.perf_counter() - start
        (RESULTS / f"{name}.json").write_text(json.dumps(results[-1], indent=2) + "\n")
    print(f"{machine()}, {THREADS} threads, float32\n")
    print(table(results))
    print(f"\nwritten to {RESULTS}")


def measured(name, program):
    run, ratio, limit = JOBS[name]
    result = dict(job=name, machine=machine(), versions=versions(), threads=THREADS, runs=ROUNDS) | run(program)
    reached = (ratio is None or result["ratio"] >= ratio) and (limit is None or result["limitRatio"] <= limit)
    result["bar"] = dict(ratio=ratio, limitRatio=limit, reached=reached)
    if not reached and "ratioAtLimit" in result:
        result["bar"]["reason"] = (
            f"on this machine its matrix products alone, at the speed of large ones and with nothing between them, would "
            f"reach {result['ratioAtLimit']:.2f}; ours takes {result['limitRatio']:.2f} times as long")
    return result


def table(results):
    head = ["job", "ours", "peer", "ratio", "spread", "memory, GB", "share of limit", "bar"]
    rows = [head] + [row(result) for result in results]
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in rows]
    reasons = [f"{result['job']}: {result['bar']['reason']}" for result in results if "reason" in result["bar"]]
    return "\n".join(lines + ([""] + reasons if reasons else []))


def row(result):
    memory = [result[key] for key in ("peakMemoryOurs", "peakMemoryPeer")]
    bar = result["bar"]
    asked = [f"≥ {bar['ratio']}" if bar["ratio"] else "", f"≥ {1 / bar['limitRatio']:.0%} of limit" if bar["limitRatio"] else ""]
    asked = " and ".join(part for part in asked if part)
    return [
        result["job"],
        figure(result["ours"], result["unit"]),
        f"{figure(result['peer'], result['unit'])} ({result['peerName']})",
        f"{result['ratio']:.2f}",
        f"±{result['spread']:.0%}",
        " / ".join(f"{bytes / 1e9:.2f}" for bytes in memory if bytes),
        f"{1 / result['limitRatio']:.0%}" if "limitRatio" in result else "",
        f"{asked}: {'reached' if bar['reached'] else 'missed'}" if asked else "",
    ]


def figure(value, unit):
    return f"{value * 1e6:.1f} µs" if unit == "s" and value < 1e-3 else f"{value:.3g} {unit}"


def machine():
    names = [line for line in open("/proc/cpuinfo") if line.startswith("model name")] if os.path.exists("/proc/cpuinfo") else []
    return f"{names[0].split(':')[1].strip() if names else platform.processor()}, {os.cpu_count()} cores"


def versions():
    import torch
    import transformers

    return dict(torch=torch.__version__, transformers=transformers.__version__, python=platform.python_version())


if __name__ == "__main__":
    main()
