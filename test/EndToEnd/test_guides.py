"""Code that guides quote is code of the tree."""

from __future__ import annotations

import re

from conftest import ROOT


def test_token_policy() -> None:
    page = (ROOT / "docs" / "TokenPolicies.md").read_text()
    source = (ROOT / "lib" / "Compress" / "PruneTokens" / "Turbo.cpp").read_text()
    blocks = re.findall(r"```cpp\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 2
    assert all(block in source for block in blocks)
