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


def follow(guide: str, programs: Programs, folder: Path, model: Path, text: Path) -> str:
    """Runs the commands of a guide in a folder with a model and two texts, and returns
    what they print."""
    page = (ROOT / "docs" / guide).read_text()
    shutil.copy(model, folder / "model.gguf")
    shutil.copy(text, folder / "text.txt")
    (folder / "other.txt").write_text(text.read_text()[::-1])
    commands = "".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL))
    assert commands.count("winnow-") >= 6
    path = f"{programs.directory}:{os.environ['PATH']}"
    result = subprocess.run(
        ["sh", "-e", "-c", commands],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_shrinking(programs: Programs, encodable: Path, text: Path, tmp_path: Path) -> None:
    printed = follow("Shrinking.md", programs, tmp_path, encodable, text)
    assert re.search(r"^kl +[0-9.]+", printed, re.MULTILINE)
    size = {n: size_of(tmp_path / n) for n in ("plain", "small", "better")}
    assert max(size["small"], size["better"]) <= 0.6 * size["plain"]


def test_faster_prompts(programs: Programs, encodable: Path, text: Path, tmp_path: Path) -> None:
    printed = follow("FasterPrompts.md", programs, tmp_path, encodable, text)
    [kl] = re.findall(r"^kl +([0-9.e-]+)", printed, re.MULTILINE)
    assert float(kl) > 0
    assert len(re.findall(r"^prefill_tokens ", printed, re.MULTILINE)) == 2
