"""A guard against slow code that no clock takes part in: check.py PROGRAM MODEL [--write].

Counts, under callgrind and on one thread, the instructions that each kernel takes for the same jobs: two training steps
and a few tokens of writing. Fails where a count is higher than Benchmarks/instructions.json allows; --write replaces
the counts there by those of this build.
"""

import collections
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

BASELINE = pathlib.Path(__file__).parent / "instructions.json"
# What a compiler of the same version may choose otherwise, and no more.
TOLERANCE = 0.03
# Kernels below this share of all instructions are counted with the rest of the program.
SMALLEST_SHARE = 0.002
REST = "everything else in the program"


def main():
    program, model = sys.argv[1:3]
    found = counts(program, model)
    if "--write" in sys.argv:
        BASELINE.write_text(json.dumps(found, indent=2) + "\n")
    expected = json.loads(BASELINE.read_text())
    slower = [name for name in found if found[name] > expected.get(name, 0) * (1 + TOLERANCE)]
    width = max(map(len, found.keys() | expected.keys()))
    print(f"{'kernel'.ljust(width)} {'instructions':>16} {'allowed':>16} {'change':>8}")
    for name, count in sorted(found.items(), key=lambda item: -item[1]):
        before = expected.get(name)
        change = f"{count / before - 1:+.1%}" if before else "new"
        print(f"{name.ljust(width)} {count:>16,} {before or 0:>16,} {change:>8}{'  slower' if name in slower else ''}")
    for name in expected.keys() - found.keys():
        print(f"{name.ljust(width)} {'gone':>16} {expected[name]:>16,}")
    if slower:
        sys.exit(
            f"\n{len(slower)} take over {TOLERANCE:.0%} more instructions than before: {', '.join(slower)}.\n"
            "If that is wanted, `make bench-check ARGS=--write` makes these the new counts.")


def counts(program, model):
    """Instructions by kernel, in the program itself: a library's products are not ours to count."""
    with tempfile.NamedTemporaryFile(suffix=".callgrind") as profile:
        subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile.name}", "--quiet", program, model, "1"],
            input="".join(json.dumps(job) + "\n" for job in jobs()), text=True, check=True, stdout=subprocess.DEVNULL)
        report = subprocess.run(
            ["callgrind_annotate", "--threshold=100", profile.name], text=True, check=True, capture_output=True).stdout
    # 1,234,567 (12.3%)  elementwise.c:swage_add.arch_x86_64_v3 [/path/to/program]
    row = re.compile(r"^\s*([\d,]+) \([^)]*\)\s+\S*?:(.+?) \[(.+)\]$", re.MULTILINE)
    found = collections.Counter()
    for count, function, place in row.findall(report):
        if pathlib.Path(place).name == pathlib.Path(program).name:
            kernel = re.match(r"(swage_\w+|(?:wide|narrow)_of_\d+_\w+)", function)
            found[kernel[1] if kernel else REST] += int(count.replace(",", ""))
    for kernel in [name for name in found if found[name] < SMALLEST_SHARE * found.total()]:
        found[REST] += found.pop(kernel)
    return dict(found)


def jobs():
    generator = random.Random(0)

    def tokens(count):
        return [generator.randrange(49152) for _ in range(count)]

    step = {"train": [{"ids": tokens(49), "learned": [1] * 49}, {"ids": tokens(17), "learned": [1] * 17}]}
    return [step, step, {"generate": [tokens(8)]}, {"generate": [tokens(8), tokens(8)]}]


if __name__ == "__main__":
    main()
