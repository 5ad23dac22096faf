"""What a release build says of its public symbols: a symbol graph a module, as DocC reads them."""

import json
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build/release"
FOLDER = ROOT / ".build/symbol-graphs"
MODULES = ["Swage", "SwageText", "SwageFiles", "SwageNative", "SwageRecipes", "SwageConformance", "SwageRemote", "SwageWorkers"]


def extract():
    """Writes the graphs of all products, built with every engine, to FOLDER."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    target = json.loads(subprocess.check_output(["swift", "-print-target-info"]))["target"]["unversionedTriple"]
    for module in MODULES:
        subprocess.run(
            ["swift", "symbolgraph-extract", "-module-name", module, "-I", BUILD / "Modules", *module_maps(), "-target", target,
             "-output-dir", FOLDER, "-minimum-access-level", "public", "-skip-synthesized-members"],
            check=True, stdout=subprocess.DEVNULL)


def module_maps():
    """The compiler's options for the modules of C that Swift's modules import. A tool's build has the same ones again."""
    maps = [*BUILD.glob("*.build/module.modulemap"), *ROOT.glob(".build/checkouts/*/Sources/*/include/module.modulemap")]
    maps.append(ROOT / "Sources/CSwageKernels/include/module.modulemap")
    return [option for path in maps if "-tool.build" not in str(path) for option in ("-Xcc", f"-fmodule-map-file={path}")]


def symbols(module):
    """The public symbols of a module, those that it adds to the others' types among them."""
    graphs = [FOLDER / f"{module}.symbols.json", *sorted(FOLDER.glob(f"{module}@*.symbols.json"))]
    return [symbol for graph in graphs for symbol in json.loads(graph.read_text())["symbols"]]


def place(symbol):
    """Where a symbol is declared, from the root of the repository on."""
    location = symbol.get("location")
    if location is None:
        return "somewhere"
    return f"{location['uri'].removeprefix('file://').removeprefix(f'{ROOT}/')}:{location['position']['line'] + 1}"


def declaration(symbol):
    """A symbol as it is declared, on one line, after the name of what it belongs to."""
    parents = ".".join(symbol["pathComponents"][:-1])
    words = " ".join("".join(fragment["spelling"] for fragment in symbol["declarationFragments"]).split())
    return f"{parents}: {words}" if parents else words
