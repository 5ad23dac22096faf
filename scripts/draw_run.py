"""Runs a command in a terminal of its own, and draws what it showed as an animated SVG of a terminal window:
draw_run.py --output docs/images/sft.svg --title "make sft" -- COMMAND ARGS…

The frames are moments of the run at equal distances; the last one is its end, and is all there is where nothing moves. The
terminal knows what Sources/SwageCommand/Display writes. After anything else, or a command that fails, nothing is written."""

import argparse
import codecs
import fcntl
import html
import os
import pathlib
import pty
import re
import struct
import subprocess
import sys
import termios
import time
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLEARED_LINE = "\x1b[2K"
TOKEN = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[^\[]|[^\x1b]", re.DOTALL)
# Box drawing stands on its own: it often comes from another font, of another width.
PART = re.compile(r"[\u2500-\u257f]+|[^\u2500-\u257f]+")

COLUMNS, FRAMES, FRAME_SECONDS, END_SECONDS = 100, 20, 0.5, 8
FONT_SIZE, CELL, LINE, PADDING, BAR = 14, 8.4, 21, 24, 38
FONTS = 'ui-monospace,SFMono-Regular,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace'
DOTS = "#ff5f57", "#febc2e", "#28c840"


class Screen:
    """A terminal that is as high as what it shows."""

    def __init__(self) -> None:
        self.rows: list[list[str]] = [[]]
        self.column = 0
        # The beginning of an escape sequence whose end has yet to come.
        self.rest = ""

    def lines(self) -> list[str]:
        """What it shows, without what is empty at the ends. Lines that are longer than it is wide are cut."""
        rows = [row if len(row) <= COLUMNS else [*row[:COLUMNS - 1], "…"] for row in self.rows]
        return "\n".join("".join(row).rstrip() for row in rows).rstrip().split("\n")

    def write(self, text: str) -> None:
        """Does what a terminal does with the text."""
        text, position = self.rest + text, 0
        while match := TOKEN.match(text, position):
            self._take(match[0])
            position = match.end()
        self.rest = text[position:]

    def _take(self, token: str) -> None:
        if token == "\r":
            self.column = 0
        elif token == "\n":
            self.rows.append([])
        elif token == CLEARED_LINE:
            self.rows[-1] = []
        elif unicodedata.category(token[0]) == "Cc":
            raise ValueError(f"the command writes {token!r}, which is not known here")
        else:
            self._put(token, width(token))

    def _put(self, character: str, size: int) -> None:
        """Writes a character into its cells, or beside the one that it belongs to."""
        row = self.rows[-1]
        row += [" "] * (self.column - len(row))
        if size == 0 and self.column:
            row[self.column - 1] += character
        row[self.column:self.column + size] = [character, ""][:size]
        self.column += size


def width(text: str) -> int:
    """How many cells of a terminal the text takes."""
    return sum(
        0 if unicodedata.category(character) in ("Mn", "Me", "Cf") else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text)


def read(terminal: int) -> bytes:
    """What the command has written, as soon as there is something; nothing at its end."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        # What Linux says when nobody holds the other end.
        return b""


def record(command: list[str]) -> list[tuple[float, list[str]]]:
    """Runs the command, and returns what the screen showed from which second on; the last is the end."""
    terminal, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("4H", 40, COLUMNS, 0, 0))
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "NO_COLOR": ""}
    screen, decoder, shown, begun = Screen(), codecs.getincrementaldecoder("utf-8")(), [(0.0, [""])], time.monotonic()
    process = subprocess.Popen(command, stdin=other, stdout=other, stderr=other, env=environment)
    os.close(other)
    try:
        while data := read(terminal):
            os.write(sys.stdout.fileno(), data)
            screen.write(decoder.decode(data))
            shown.append((time.monotonic() - begun, screen.lines()))
        if status := process.wait():
            raise ValueError(f"{command[0]} ended with status {status}")
    finally:
        process.kill()
    if screen.rest:
        raise ValueError(f"the command ends within an escape sequence, {screen.rest!r}")
    return [*shown, (time.monotonic() - begun, screen.lines())]


def frames(shown: list[tuple[float, list[str]]]) -> list[list[str]]:
    """What the screen showed at moments of equal distances, and at the end."""
    end, last = shown[-1]
    return [[lines for second, lines in shown if second <= end * frame / FRAMES][-1] for frame in range(FRAMES)] + [last]


def stretches(texts: list[str]) -> list[tuple[int, int, str]]:
    """The texts of a row, each with its first frame and the one in which it is gone."""
    starts = [frame for frame, text in enumerate(texts) if frame == 0 or text != texts[frame - 1]]
    return [(start, end, texts[start]) for start, end in zip(starts, [*starts[1:], len(texts)], strict=True) if texts[start]]


def draw_line(text: str, row: int) -> str:
    """A line, on the columns of the terminal whichever font is there."""
    y, drawn = BAR + PADDING + FONT_SIZE + LINE * row, ""
    for match in PART.finditer(text):
        if part := match[0].strip():
            x = PADDING + CELL * width(text[:match.end()].rstrip().removesuffix(part))
            size = f'textLength="{CELL * width(part):g}" lengthAdjust="spacingAndGlyphs"'
            drawn += f'<text x="{x:g}" y="{y}" {size}>{html.escape(part, quote=False)}</text>'
    return drawn


def draw_rows(pictures: list[list[str]], rows: int) -> tuple[str, str]:
    """The rows below the command as a style and what it moves. Without the style, it is the last frame."""
    style, drawn, length = {}, "", FRAMES * FRAME_SECONDS + END_SECONDS
    for row in range(rows):
        for start, end, text in stretches([lines[row] if row < len(lines) else "" for lines in pictures]):
            is_last = end == len(pictures)
            moments = [(0, "hidden"), (start, "visible"), *([] if is_last else [(end, "hidden")])]
            steps = "".join(f"{100 * frame * FRAME_SECONDS / length:.4g}%{{visibility:{what}}}" for frame, what in moments)
            name, hidden = f"f{start}-{end}", "" if is_last else ' visibility="hidden"'
            style[name] = f".{name}{{animation:{name} {length:g}s step-end infinite}}@keyframes {name}{{{steps}}}\n"
            drawn += f'<g class="{name}"{hidden}>{draw_line(text, row + 1)}</g>\n'
    return "".join(style.values()), drawn


def draw(pictures: list[list[str]], title: str) -> str:
    """The window in which the command runs."""
    rows = max(map(len, pictures))
    style, drawn = draw_rows(pictures, rows)
    right, bottom = round(2 * PADDING + CELL * COLUMNS), BAR + 2 * PADDING + LINE * (rows + 1) - 4
    name = html.escape(title, quote=False)
    dots = "".join(f'<circle cx="{x}" cy="{BAR / 2:g}" r="6" fill="{color}"/>' for x, color in zip((22, 42, 62), DOTS, strict=True))
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right} {bottom}" width="{right}" height="{bottom}" xml:space="preserve" role="img">
<title>{name}</title>
<style>
text{{font:{FONT_SIZE}px {FONTS};fill:#e6edf3;white-space:pre}}
@media (prefers-reduced-motion:no-preference){{
{style}}}
</style>
<rect width="{right}" height="{bottom}" rx="10" fill="#21262d"/>
<path d="M0 {BAR}h{right}V{bottom - 10}a10 10 0 0 1-10 10H10a10 10 0 0 1-10-10z" fill="#161b22"/>
<rect x=".5" y=".5" width="{right - 1}" height="{bottom - 1}" rx="9.5" fill="none" stroke="#3d444d"/>
{dots}<text x="{right / 2:g}" y="{BAR / 2 + 5:g}" text-anchor="middle" opacity=".6">{name}</text>
{draw_line(f"$ {title}", 0)}
{drawn}</svg>
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, required=True, help="the SVG")
    parser.add_argument("--title", required=True, help="the command as a person types it")
    parser.add_argument("command", nargs="+", help="what is run, after --")
    options = parser.parse_args()
    try:
        shown = record(options.command)
        for folder in (os.getcwd(), str(ROOT)):
            if any(folder in "".join(lines) for _, lines in shown):
                raise ValueError(f"the command shows {folder}, which other machines do not have")
    except (OSError, ValueError) as error:
        sys.exit(f"draw_run.py: {error}; nothing is written")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    partial = options.output.with_name(options.output.name + ".partial")
    partial.write_text(draw(frames(shown), options.title), encoding="utf-8")
    partial.replace(options.output)


if __name__ == "__main__":
    main()
