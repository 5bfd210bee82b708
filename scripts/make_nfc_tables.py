"""Writes lib/Tokenizer/ComposeTables.inc: Unicode's canonical decompositions and
combining classes, as Python's unicodedata has them.

    make_nfc_tables.py > lib/Tokenizer/ComposeTables.inc
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable

EXCLUDED = 1 << 31
"""Marks decompositions that composing does not undo."""


def decompositions() -> Iterable[tuple[int, int, int]]:
    """(code point, first, second) in one step; second is 0 for one alone."""
    for point in range(0x110000):
        text = unicodedata.decomposition(chr(point))
        if not text or text.startswith("<"):
            continue
        first, *rest = (int(part, 16) for part in text.split())
        second = rest[0] if rest else 0
        composes = unicodedata.normalize("NFC", chr(point)) == chr(point)
        yield point, first, second if composes else second | EXCLUDED


def classes() -> list[list[int]]:
    """Runs of code points of one combining class other than 0."""
    runs: list[list[int]] = []
    for point in range(0x110000):
        kind = unicodedata.combining(chr(point))
        if kind and runs and runs[-1][1:] == [point - 1, kind]:
            runs[-1][1] = point
        elif kind:
            runs.append([point, point, kind])
    return runs


def write(declaration: str, rows: Iterable[Iterable[int]]) -> None:
    print(f"static constexpr {declaration}[] = {{")
    line = "   "
    for row in rows:
        text = " {" + ", ".join(f"{number:#x}" for number in row) + "},"
        if len(line) + len(text) > 80:
            print(line)
            line = "   "
        line += text
    print(line + "\n};")


def main() -> None:
    print(f"// Made by scripts/make_nfc_tables.py from Unicode {unicodedata.unidata_version}.")
    write("Decomposition decompositions", decompositions())
    write("CombiningRange combiningRanges", classes())


if __name__ == "__main__":
    sys.exit(main())
