"""winnow.Tokenizer and winnow.TextStream."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

import winnow
from tokenizer_strings import draw_strings
from tokenizer_vocabularies import small_vocabularies, tokenizer_file

VOCABULARIES = small_vocabularies()


@pytest.fixture(scope="module", params=["sentencepiece", "qwen2"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vocabulary") / "small.tokenizer"
    path.write_bytes(tokenizer_file(VOCABULARIES[request.param]))
    return path


def test_ids_are_those_of_the_library(path: Path, pytestconfig: pytest.Config) -> None:
    """Ids of real strings, any bytes among them, as winnow-tokenize prints them."""
    program = pytestconfig.getoption("--winnow-build").resolve() / "unittests" / "winnow-tokenize"
    strings = draw_strings()[:1000]
    request = b"".join(len(text).to_bytes(4, "little") + text for text in strings)
    lines = subprocess.run([program, path], input=request, capture_output=True, check=True)
    tokenizer = winnow.Tokenizer(path)
    copied = winnow.Tokenizer.from_bytes(path.read_bytes())
    assert len(tokenizer) == len(copied) > 0
    for text, line in zip(strings, lines.stdout.decode().splitlines(), strict=True):
        ids, decodes = line.split("\t")
        found = tokenizer.encode(text, eos=True)
        assert ",".join(map(str, found)) == ids, text
        assert copied.encode(text, eos=True) == found
        if decodes == "1":
            bare = tokenizer.encode(text, bos=False)
            assert tokenizer.decode(bare, special=True) == text.decode("utf-8", "replace")


def test_pieces(path: Path) -> None:
    tokenizer = winnow.Tokenizer(path)
    for token in range(0, len(tokenizer), 7):
        piece = tokenizer.piece(token)
        found = tokenizer.find(piece)
        assert found is not None and tokenizer.piece(found) == piece
    assert tokenizer.find("no such piece at all") is None
    for token in (-1, len(tokenizer), 2**40, 1.0):
        with pytest.raises(winnow.InvalidArgumentError):
            tokenizer.piece(token)  # type: ignore[arg-type]
    assert not tokenizer.ends(-1)
    assert isinstance(tokenizer.chat_template, str)


def test_stream_shows_whole_characters(path: Path) -> None:
    tokenizer = winnow.Tokenizer(path)
    text = "naïve 日本語 🙂 end"
    ids = tokenizer.encode(text, bos=False)
    stream = tokenizer.stream()
    parts = [stream.add(token) for token in ids]
    assert "".join(parts) + stream.finish() == tokenizer.decode(ids, continues=True)
    stream = tokenizer.stream(["本", "zzz"])
    shown = "".join(stream.add(token) for token in ids)
    assert stream.stopped
    assert shown.lstrip() == "naïve 日"


def test_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(winnow.FileError, match="none"):
        winnow.Tokenizer(tmp_path / "none")
    for content in (b"", b"text", path.read_bytes()[:-1]):
        with pytest.raises(winnow.BadFileError):
            winnow.Tokenizer.from_bytes(content)
    tokenizer = winnow.Tokenizer(path)
    for text in ("\ud800", 5, None):
        with pytest.raises(winnow.InvalidArgumentError):
            tokenizer.encode(text)  # type: ignore[arg-type]
    for ids in ("text", [1.5], [2**31], [[1]]):
        with pytest.raises(winnow.InvalidArgumentError):
            tokenizer.decode(ids)  # type: ignore[arg-type]
    # Ids that there are not have no text.
    assert tokenizer.decode([-1, len(tokenizer), 2**31 - 1]) == ""
    assert tokenizer.decode(np.zeros(0, np.int64)) == ""
