"""Code that guides quote is code of the tree, and their commands run as they stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from conftest import ROOT
from programs import Programs, size_of


def test_token_policy() -> None:
    page = (ROOT / "docs" / "TokenPolicies.md").read_text()
    files = ("PruneTokens/Turbo.cpp", "Gate/Change.cpp")
    sources = [(ROOT / "lib" / "Compress" / file).read_text() for file in files]
    blocks = re.findall(r"```cpp\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 3
    assert all(any(block in source for source in sources) for block in blocks)


def test_shrinking(programs: Programs, encodable: Path, text: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "Shrinking.md").read_text()
    shutil.copy(encodable, tmp_path / "model.gguf")
    shutil.copy(text, tmp_path / "text.txt")
    (tmp_path / "other.txt").write_text(text.read_text()[::-1])
    commands = "".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL))
    assert commands.count("winnow-") == 8
    path = f"{programs.directory}:{os.environ['PATH']}"
    result = subprocess.run(
        ["sh", "-e", "-c", commands],
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert re.search(r"^kl +[0-9.]+", result.stdout, re.MULTILINE)
    size = {n: size_of(tmp_path / n) for n in ("plain", "small", "better")}
    assert max(size["small"], size["better"]) <= 0.6 * size["plain"]
