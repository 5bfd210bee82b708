"""The entries of the dialect's reference, as TableGen reads them.

An entry is an op, an attribute, a type, the dialect itself (its entry points)
or a pass; what it says stands in its description, under the headings below.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

HEADINGS = [
    "Semantics",
    "Numerics",
    "Corner cases",
    "Inputs",
    "Attributes",
    "Results",
    "Constraints",
    "Invariants",
    "Example",
]


@dataclass
class Entry:
    """One entry: what it is called in the names of tests, and its text."""

    name: str
    kind: str
    description: str

    def sections(self) -> dict[str, str]:
        """The text under each heading, in order."""
        parts = re.split(r"^#### (.+)$", self.description, flags=re.MULTILINE)
        return dict(zip(parts[1::2], parts[2::2], strict=True))

    def constraints(self) -> list[str]:
        """The labels of the constraints: C1, C2, ..."""
        text = self.sections().get("Constraints", self.description)
        return re.findall(r"^- (C\d+) ", text, flags=re.MULTILINE)

    def example(self) -> str | None:
        """The code of the example."""
        match = re.search(r"```mlir\n(.*?)```", self.sections().get("Example", ""), re.DOTALL)
        return match.group(1) if match else None


def dedent(text: str) -> str:
    """Takes the indentation of the first line off all lines."""
    lines = text.strip("\n").split("\n")
    indent = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[indent:] if not line[:indent].strip() else line for line in lines)


def dump(source: str, includes: list[str]) -> dict:
    """All records of one TableGen file."""
    command = ["llvm-tblgen", "--dump-json", f"-I{ROOT / 'dialects'}"]
    command += [f"-I{folder}" for folder in includes]
    output = subprocess.run([*command, str(ROOT / source)], check=True, capture_output=True)
    return json.loads(output.stdout)


def read_reference(includes: list[str]) -> list[Entry]:
    """The ops, attributes and types of the dialect; `includes` has MLIR's headers."""
    records = dump("dialects/winnow/Ops.td", includes)
    entries = []
    for kind, base, key in [
        ("op", "Op", "opName"),
        ("attribute", "AttrDef", "mnemonic"),
        ("type", "TypeDef", "mnemonic"),
    ]:
        for name in records["!instanceof"][base]:
            record = records[name]
            dialect = record.get("opDialect") or record.get("dialect")
            # Enumerations are explained where they are used.
            is_enum = "EnumAttr" in record["!superclasses"]
            if dialect["def"] == "Winnow_Dialect" and not is_enum:
                entries.append(Entry(record[key], kind, dedent(record["description"])))
    return sorted(entries, key=lambda entry: (entry.kind, entry.name))


def read_rules(includes: list[str]) -> list[Entry]:
    """The other descriptions that have constraints: entry points and passes."""
    records = dump("dialects/winnow/Ops.td", includes)
    entries = [Entry("entry", "dialect", dedent(records["Winnow_Dialect"]["description"]))]
    passes = dump("include/winnow/Analysis/Passes.td", includes)
    for name in passes["!instanceof"]["Pass"]:
        argument = passes[name]["argument"].removeprefix("winnow-").replace("-", "_")
        entries.append(Entry(argument, "pass", dedent(passes[name]["description"])))
    return entries
