"""Writes the table of docs/Support.md.

    support_table.py BUILD

BUILD/support.json says what the tests of test/EndToEnd have shown when they ran
last. All of them have to have passed, on a machine that can run every target.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "test" / "EndToEnd"))

from support import HEADING, Cell, table  # noqa: E402


def main(build: Path) -> None:
    record = json.loads((build / "support.json").read_text())
    if record["left_out"]:
        sys.exit(f"not run, or failed: {', '.join(record['left_out'])}")
    path = ROOT / "docs" / "Support.md"
    text, _, _ = path.read_text().partition(HEADING)
    path.write_text(text + table({Cell(*cell) for cell in record["cells"]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
