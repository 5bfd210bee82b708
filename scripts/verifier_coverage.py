"""Reports what the verifiers refuse and no negative test shows.

    verifier_coverage.py INCLUDE...

Two things are counted. Constraints of the reference: a test of constraint C3 of
`winnow.rope` is a function (or param, or module) named rope_c3 or
rope_c3_SOMETHING under test/. Branches of the verifiers in C++: each place that
reports an error needs a test that expects its message (diagnostic_sites.py says
how places and messages are found). Also reports tests of labels that do not
exist. INCLUDE has MLIR's headers. Exit code 1 if anything is missing.
"""

from __future__ import annotations

import re
import sys

from diagnostic_sites import find_untested, read_expected, read_sites
from ods_entries import ROOT, read_reference, read_rules


def read_tested() -> set[tuple[str, str]]:
    """The (entry, label) pairs that tests have in their names."""
    tested = set()
    for path in sorted((ROOT / "test").rglob("*.mlir")):
        text = path.read_text()
        if "verify-diagnostics" not in text:
            continue
        for name, number in re.findall(r"@(\w+?)_c(\d+)(?:_\w+)?\b", text):
            tested.add((name, f"C{number}"))
    return tested


def main() -> int:
    tested = read_tested()
    entries = read_reference(sys.argv[1:]) + read_rules(sys.argv[1:])
    known = {(entry.name, label) for entry in entries for label in entry.constraints()}
    missing = sorted(known - tested)
    names = {entry.name for entry in entries}
    unknown = sorted(pair for pair in tested - known if pair[0] in names)
    for name, label in missing:
        print(f"{name} {label}: no negative test")
    for name, label in unknown:
        print(f"{name} {label}: tested, but not in the reference")
    print(f"{len(known) - len(missing)} of {len(known)} constraints have negative tests")
    sites = read_sites()
    untested = find_untested(sites, read_expected())
    for site in untested:
        print(f"{site}: no test expects this")
    print(f"{len(sites) - len(untested)} of {len(sites)} branches of verifiers have tests")
    return 1 if missing or unknown or untested else 0


if __name__ == "__main__":
    sys.exit(main())
