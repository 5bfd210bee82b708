"""The Python of README.md and docs/Python.md does what it says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from conftest import ROOT
from tiny_encoders import sentence_transformer, write_vocabulary


@pytest.mark.parametrize(
    ("document", "model"), [("README.md", "gemma.gguf"), ("docs/Python.md", "model.gguf")]
)
def test_examples(
    document: str,
    model: str,
    tiny_paths: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / document).read_text(), re.M | re.S)
    assert blocks
    shutil.copy(tiny_paths["llama-f32"], tmp_path / model)
    encoder = sentence_transformer("bert", tmp_path, "mean", normalize=True)
    write_vocabulary(encoder)
    encoder.rename(tmp_path / "MiniLM")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, document, "exec"), names)
    assert capsys.readouterr().out
