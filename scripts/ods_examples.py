"""Writes the examples of the dialect's reference to files that tests can read.

    ods_examples.py FOLDER INCLUDE...

FOLDER/examples.mlir gets all of them; FOLDER/run.mlir those that check what
they compute, for the interpreter. Fails where an entry lacks its example or has
other headings than the nine.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ods_entries import HEADINGS, read_reference


def main() -> int:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    examples = []
    failures = 0
    for entry in read_reference(sys.argv[2:]):
        headings = list(entry.sections())
        if headings != HEADINGS:
            print(f"{entry.kind} {entry.name}: expects the headings {HEADINGS}, found {headings}")
            failures += 1
        empty = [heading for heading, text in entry.sections().items() if not text.strip()]
        if empty:
            print(f"{entry.kind} {entry.name}: expects text under {', '.join(empty)}")
            failures += 1
        example = entry.example()
        if example is None:
            print(f"{entry.kind} {entry.name}: expects an example")
            failures += 1
            continue
        examples.append(f"// {entry.kind} {entry.name}\n{example}")
    separator = "\n// -----\n\n"
    (folder / "examples.mlir").write_text(separator.join(examples))
    runnable = [example for example in examples if "check." in example]
    (folder / "run.mlir").write_text(separator.join(runnable))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
