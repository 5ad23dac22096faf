"""Looks for links of the pages that lead nowhere: files that are not there, and headings that no page has."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def pages():
    return [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/*.md")]


def anchors(page):
    """The names that headings get: lower case, without punctuation, spaces as hyphens."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def faults(page):
    for link in LINK.findall(FENCE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            yield f"{page.relative_to(ROOT)}: {link} is not there"
        elif anchor and anchor not in anchors(target):
            yield f"{page.relative_to(ROOT)}: no heading of {target.name} is #{anchor}"


found = [fault for page in pages() for fault in faults(page)]
print("\n".join(found) or f"{len(pages())} pages, and no link leads nowhere")
sys.exit(bool(found))
