"""Artifacts with a tokenizer.json. The package `tokenizers` is no requirement of
the tests: a stand-in has the same interface, and the real one is tested where it
is installed."""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import winnow
from programs import Artifacts

KINDS = ["stand-in"] + ["tokenizers"] * (importlib.util.find_spec("tokenizers") is not None)
TEXT = "naïve 日本語 🙂 end"


class StandIn:
    """A vocabulary of single bytes, with one control token."""

    SIZE = 257

    @classmethod
    def from_file(cls, path: str) -> StandIn:
        if json.loads(Path(path).read_text()) != "bytes":
            raise Exception("not bytes")
        return cls()

    def encode(self, text: str, add_special_tokens: bool) -> Any:
        ids = [256] * add_special_tokens + list(text.encode())
        return types.SimpleNamespace(ids=ids)

    def decode(self, ids: list[int], skip_special_tokens: bool) -> str:
        text = b"".join(bytes([token]) for token in ids if token < 256).decode("utf-8", "replace")
        return text if skip_special_tokens else text + "<s>" * ids.count(256)

    def get_vocab_size(self) -> int:
        return self.SIZE


def write_real(path: Path) -> None:
    """The same as a byte-level BPE without merges."""
    import tokenizers

    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    pieces = {piece: index for index, piece in enumerate(alphabet)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(pieces, []))
    tokenizer.add_special_tokens(["<s>"])
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 256)]
    )
    tokenizer.save(str(path))


@pytest.fixture(params=KINDS)
def tokenizer(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> winnow.HuggingFaceTokenizer:
    if request.param == "stand-in":
        module: Any = types.ModuleType("tokenizers")
        module.Tokenizer = StandIn
        monkeypatch.setitem(sys.modules, "tokenizers", module)
        (tmp_path / "tokenizer.json").write_text('"bytes"')
    else:
        write_real(tmp_path / "tokenizer.json")
    (tmp_path / "config.json").write_text('{"eos_token_id": [256, 70]}')
    return winnow.HuggingFaceTokenizer(tmp_path)


def test_text(tokenizer: winnow.HuggingFaceTokenizer) -> None:
    ids = tokenizer.encode(TEXT)
    assert ids[0] == 256 and ids[1:] == tokenizer.encode(TEXT, bos=False)
    assert tokenizer.decode(ids) == TEXT
    assert "<s>" in tokenizer.decode(ids, special=True)
    assert len(tokenizer) == 257
    assert tokenizer.ends(70) and tokenizer.ends(256) and not tokenizer.ends(1)


def test_stream(tokenizer: winnow.HuggingFaceTokenizer) -> None:
    """Characters come whole, and a stop text and what follows it do not."""
    ids = tokenizer.encode(TEXT)
    stream = tokenizer.stream()
    parts = [stream.add(token) for token in ids]
    assert "".join(parts) == TEXT and "日" in parts and stream.finish() == ""
    stream = tokenizer.stream("語 ")
    assert "".join(stream.add(token) for token in ids) == "naïve 日本"
    assert stream.stopped and stream.finish() == ""
    stream = tokenizer.stream()
    for token in ids[:4]:
        stream.add(token)
    # The ï is cut in two.
    assert stream.finish() == "\ufffd"


def test_generation(
    tokenizer: winnow.HuggingFaceTokenizer, tiny_paths: dict[str, Path], artifacts: Artifacts
) -> None:
    name = artifacts.get(tiny_paths["qwen2-f32"])
    artifact = winnow.Artifact(name, tokenizer=tokenizer)
    assert artifact.tokenizer is tokenizer
    with artifact.session() as session:
        with pytest.raises(winnow.TokenRangeError):
            session.generate("\N{ROCKET}")  # bytes that the model does not have
        ids = [5, 9, 40]
        result = session.generate(ids, 200, temperature=1.0)
        assert result.reason == "end" and result.ids[-1] == 70
        assert result.text == tokenizer.decode(result.ids[:-1])


def test_refused(tokenizer: winnow.HuggingFaceTokenizer, tmp_path: Path) -> None:
    for text in (5, b"bytes", "\ud800"):
        with pytest.raises(winnow.InvalidArgumentError):
            tokenizer.encode(text)  # type: ignore[arg-type]
    with pytest.raises(winnow.InvalidArgumentError):
        tokenizer.stream("")
    with pytest.raises(winnow.FileError):
        winnow.HuggingFaceTokenizer(tmp_path / "none")
    (tmp_path / "config.json").write_text('{"eos_token_id": "x"}')
    with pytest.raises(winnow.BadFileError, match="eos_token_id"):
        winnow.HuggingFaceTokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(winnow.BadFileError, match=r"tokenizer\.json"):
        winnow.HuggingFaceTokenizer(tmp_path)


def test_package_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(winnow.LibraryError, match="tokenizers"):
        winnow.HuggingFaceTokenizer(tmp_path)
