"""Looks at what is public after a release build with every engine: each symbol has a word about it, and docs/public says what they
are. --write takes over what has changed, which wants a line in CHANGELOG.md."""

import difflib
import sys

import symbol_graphs

LISTINGS = symbol_graphs.ROOT / "docs/public"

symbol_graphs.extract()
count, silent, changed = 0, [], []
for module in symbol_graphs.MODULES:
    symbols = symbol_graphs.symbols(module)
    count += len(symbols)
    silent += [f"{symbol_graphs.place(symbol)}: {symbol_graphs.declaration(symbol)}" for symbol in symbols if "docComment" not in symbol]
    listing = LISTINGS / f"{module}.txt"
    found = sorted(symbol_graphs.declaration(symbol) for symbol in symbols)
    if "--write" in sys.argv:
        LISTINGS.mkdir(exist_ok=True)
        listing.write_text("\n".join(found) + "\n")
    said = listing.read_text().splitlines() if listing.exists() else []
    changed += difflib.unified_diff(said, found, f"docs/public/{module}.txt", "the build", lineterm="", n=0)
if silent:
    print("without a word about them:", *silent, sep="\n  ")
if changed:
    print(*changed, "", "What is public has changed: `make public ARGS=--write`, and a line in CHANGELOG.md.", sep="\n")
lines = sum(line[0] in "+-" and not line.startswith(("+++", "---")) for line in changed)
print(f"{count} public symbols, {len(silent)} without a word, {lines} lines changed")
sys.exit(bool(silent or changed))
