"""Which combinations tests have shown to work: what docs/Support.md is made of."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import pytest

HEADING = "| family | input | number formats of matrices | targets |\n|---|---|---|---|\n"


class Cell(NamedTuple):
    """One combination."""

    family: str
    input: str
    format: str
    target: str


class Support:
    """Collects the cells of a test session. A test that takes the fixture
    `support` adds what it has compared, as its last statement."""

    def __init__(self) -> None:
        self.cells: set[Cell] = set()
        self.left_out: set[str] = set()
        """Tests with the fixture that were not selected or did not pass."""
        self.unavailable: set[str] = set()
        """Targets that this machine cannot run."""

    def add(self, model: Path, name: Path, target: str = "host") -> None:
        """The artifact `name` of `model` gave the numbers that it should."""
        manifest = json.loads(name.with_name(f"{name.name}.json").read_text())
        family = manifest["model"]["architecture"]
        for weight in manifest["weights"]:
            if len(weight["shape"]) < 2:
                continue
            source = "Hugging Face" if model.is_dir() else "GGUF"
            if "checkpoint_format" in weight:
                source += ", `--weights`"
            self.cells.add(Cell(family, source, weight["format"], target))

    @staticmethod
    def _is_user(item: pytest.Item) -> bool:
        return "support" in getattr(item, "fixturenames", ())

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> None:
        """The test of the page comes last. Files that were not asked for count
        as left out."""
        items.sort(key=lambda item: "support_page" in getattr(item, "fixturenames", ()))
        found = {item.path for item in items if self._is_user(item)}
        for path in Path(__file__).parent.glob("test_*.py"):
            if "support: Support" in path.read_text() and path not in found:
                self.left_out.add(path.name)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """BUILD/support.json, from which scripts/support_table.py makes the table."""
        if self.cells:
            path = session.config.getoption("--winnow-build") / "support.json"
            record = {"left_out": sorted(self.left_out), "cells": sorted(self.cells)}
            path.write_text(json.dumps(record, indent=1) + "\n")

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self.left_out.update(item.nodeid for item in items if self._is_user(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):  # type: ignore[no-untyped-def]
        report = yield
        if report.failed and self._is_user(item):
            self.left_out.add(item.nodeid)
        return report


def table(cells: set[Cell]) -> str:
    """Cells as a table: one line for all formats and targets that go together."""
    formats: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for cell in cells:
        formats[cell.family, cell.input, cell.target].add(cell.format)
    targets: dict[tuple[str, str, tuple[str, ...]], set[str]] = defaultdict(set)
    for (family, source, target), kinds in formats.items():
        targets[family, source, tuple(sorted(kinds))].add(target)
    lines = [
        f"| {family} | {source} | {', '.join(kinds)} | {', '.join(sorted(names))} |\n"
        for (family, source, kinds), names in sorted(targets.items())
    ]
    return HEADING + "".join(lines)


def read_table(page: str) -> set[Cell]:
    """The cells that a page names."""
    _, _, body = page.partition(HEADING)
    cells = set()
    for line in body.splitlines():
        if not line.startswith("|"):
            break
        family, source, kinds, targets = line.strip("| ").split(" | ")
        cells |= {
            Cell(family, source, kind, target)
            for kind in kinds.split(", ")
            for target in targets.split(", ")
        }
    return cells
