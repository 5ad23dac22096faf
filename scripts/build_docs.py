"""Makes a site of the documentation with DocC, after a release build with every engine: the comments of all public symbols, and the
pages of docs/ as articles. Whatever DocC warns of is an error."""

import re
import shutil
import subprocess
import sys

import symbol_graphs

ROOT = symbol_graphs.ROOT
CATALOG = ROOT / ".build/docs/Swage.docc"
SITE = ROOT / ".build/docs/site"
ARTICLES = sorted((ROOT / "docs").glob("*.md"))


def article(page):
    """A page with its links as DocC has them; what is no article is named, for it is no part of the site."""
    names = {other.name: other.stem for other in ARTICLES}

    def link(match):
        words, target = match[1], match[2].partition("#")[0]
        if re.match(r"[a-z]+:", match[2]):
            return match[0]
        return f"<doc:{names[target]}>" if target in names else words

    return re.sub(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)", link, page.read_text())


symbol_graphs.extract()
shutil.rmtree(CATALOG.parent, ignore_errors=True)
CATALOG.mkdir(parents=True)
shutil.copy(ROOT / "docs/Documentation.docc/Documentation.md", CATALOG)
for page in ARTICLES:
    (CATALOG / page.name).write_text(article(page))
result = subprocess.run(
    ["docc", "convert", CATALOG, "--additional-symbol-graph-dir", symbol_graphs.FOLDER, "--fallback-display-name", "Swage",
     "--fallback-bundle-identifier", "swage", "--transform-for-static-hosting", "--warnings-as-errors", "--output-path", SITE])
if result.returncode == 0:
    print(f"the site is at {SITE.relative_to(ROOT)}: `python3 -m http.server --directory {SITE.relative_to(ROOT)}`, then /documentation")
sys.exit(result.returncode)
