"""Type-checks, after a release build with every engine, what the comments of public symbols show as Swift, and sees that what cannot
work on a LossExpression is refused with advice. The pages of docs/ and README.md show what tests compile and run."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import symbol_graphs

# What snippets speak of and do not make themselves.
KNOWN = """
trainer: any Trainer, sampler: any Sampler, tokenizer: any Tokenizer, batch: TextTrainBatch, prompt: [Int32], chats: [[ChatMessage]],
subject: Conformance.Subject, rows: Int, columns: Int, vocabulary: Int
"""
# What looks as if it worked in a loss, and the advice against it.
REFUSED = {
    "if outputs.logProbs == 0 {}": "select(_:_:_:)", "if outputs.logProbs < outputs.entropy {}": "select(_:_:_:)",
    "_ = outputs.logProbs != outputs.entropy": "'.!='", "_ = 1.0 <= outputs.logProbs": "'.<='",
    "_ = max(outputs.logProbs, 0)": "maximum(_:_:)", "_ = min(1.0, outputs.logProbs)": "minimum(_:_:)",
    "_ = !outputs.logProbs": "not(_:)", "_ = outputs.logProbs && outputs.entropy": "and(_:_:)",
    "_ = outputs.logProbs || outputs.entropy": "or(_:_:)",
}
MARK = re.compile(r"^\s*/// ?")


def snippets():
    """What stands between ```swift and ``` in comments, with its place."""
    for path in sorted((symbol_graphs.ROOT / "Sources").rglob("*.swift")):
        lines, begin = path.read_text().splitlines(), None
        for number, line in enumerate(lines, 1):
            if MARK.match(line) and MARK.sub("", line).startswith("```"):
                if begin is None:
                    begin = number if MARK.sub("", line) == "```swift" else -1
                else:
                    if begin > 0:
                        yield f"{path.relative_to(symbol_graphs.ROOT)}:{begin}", [MARK.sub("", text) for text in lines[begin:number - 1]]
                    begin = None


def errors(source):
    """What the compiler says of a file against the built modules."""
    imports = "".join(f"import {module}\n" for module in ["Foundation", *symbol_graphs.MODULES])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "snippets.swift"
        file.write_text(imports + source)
        command = ["swiftc", "-typecheck", "-swift-version", "6", "-I", symbol_graphs.BUILD / "Modules", *symbol_graphs.module_maps(), file]
        result = subprocess.run(command, capture_output=True, text=True)
        return [] if result.returncode == 0 else [line for line in result.stderr.splitlines() if "error:" in line] or [result.stderr]


shown = list(snippets())
functions = [
    f"func snippet{number}({KNOWN.strip()}) async throws {{\n#sourceLocation(file: \"{place.partition(':')[0]}\", line: "
    f"{int(place.partition(':')[2]) + 1})\n" + "\n".join(lines) + "\n#sourceLocation()\n}\n"
    for number, (place, lines) in enumerate(shown)]
faults = errors("".join(functions))
refusals = errors("".join(
    f"func refused{number}(outputs: LossOutputs) {{ {text} }}\n" for number, text in enumerate(REFUSED)))
for text, advice in REFUSED.items():
    if not any("unavailable" in line and advice in line for line in refusals):
        faults.append(f"`{text}` is not refused with the advice to use {advice}")
print(f"{len(shown)} snippets, {len(REFUSED)} refusals, {len(faults)} faults", *faults, sep="\n  ")
sys.exit(bool(faults))
