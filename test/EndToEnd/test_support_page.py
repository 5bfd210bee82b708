"""docs/Support.md names exactly what the tests of this session have shown."""

from __future__ import annotations

import pytest

from conftest import ROOT
from support import Support, read_table, table


@pytest.fixture
def support_page() -> str:
    """The page. What takes this fixture runs after all other tests."""
    return (ROOT / "docs" / "Support.md").read_text()


def test_page_is_up_to_date(support_page: str, support: Support) -> None:
    """For the targets that the page names and this machine can run."""
    named = read_table(support_page)
    targets = {"host"} | {cell.target for cell in named}
    shown = {cell for cell in support.cells if cell.target in targets}
    assert shown <= named, "run scripts/support_table.py"
    if support.left_out:
        pytest.skip(f"not run: {', '.join(sorted(support.left_out))}")
    claimed = {cell for cell in named if cell.target not in support.unavailable}
    assert shown == claimed, "run scripts/support_table.py"
    assert table(named) in support_page, "run scripts/support_table.py"
