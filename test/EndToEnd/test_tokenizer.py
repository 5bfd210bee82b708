"""The tokenizer's ids against those that record_tokenizer_goldens.py and
record_word_piece_goldens.py wrote down, llama.cpp's and, for WordPiece, those of
Hugging Face's `tokenizers`, and the way back from ids to text."""

from __future__ import annotations

import hashlib
import struct
import subprocess
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fetch_gemma import gemma_path
from programs import Artifacts
from tokenizer_strings import SPECIAL, draw_strings
from tokenizer_vocabularies import (
    BERT_CASES,
    GOLDEN,
    Vocabulary,
    bert_vocabulary,
    read_gguf,
    small_vocabularies,
    tokenizer_file,
)

SMALL = small_vocabularies()
MODES = ("special", "plain")


@dataclass(frozen=True)
class Encoding:
    """The ids of a string, and whether they decode to it."""

    ids: list[int]
    decodes: bool


@pytest.fixture(scope="session")
def strings() -> list[bytes]:
    return draw_strings()


@pytest.fixture(scope="session")
def goldens(strings: list[bytes]) -> dict[str, np.ndarray]:
    return load_goldens("ids.npz", strings)


@pytest.fixture(scope="session")
def word_piece_goldens(strings: list[bytes]) -> dict[str, np.ndarray]:
    return load_goldens("word_piece.npz", strings)


def load_goldens(name: str, strings: list[bytes]) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / name) as arrays:
        golden = dict(arrays)
    digest = hashlib.sha256(b"".join(b"%d:%s" % (len(text), text) for text in strings))
    assert golden["strings"].tobytes() == digest.digest(), "the strings are not those recorded"
    return golden


@pytest.fixture(scope="session")
def program(pytestconfig: pytest.Config) -> Path:
    path = pytestconfig.getoption("--winnow-build").resolve() / "unittests" / "winnow-tokenize"
    if not path.exists():
        pytest.fail("winnow-tokenize is not built")
    return path


def tokenize(program: Path, path: Path, strings: list[bytes], *options: str) -> list[Encoding]:
    """What winnow-tokenize says of `strings`."""
    request = b"".join(struct.pack("<I", len(text)) + text for text in strings)
    command = [str(program), str(path), *options]
    answer = subprocess.run(command, input=request, capture_output=True, check=False)
    assert answer.returncode == 0, answer.stderr.decode()
    lines = [line.split("\t") for line in answer.stdout.decode().splitlines()]
    assert len(lines) == len(strings)
    return [Encoding([int(i) for i in ids.split(",") if i], flag == "1") for ids, flag in lines]


def compare(
    encodings: list[Encoding],
    strings: list[bytes],
    goldens: dict[str, np.ndarray],
    key: str,
    skip: bytes | None = None,
) -> None:
    """Asserts that all ids are llama.cpp's, but for strings that have `skip`."""
    sums = goldens[f"{key}/crc"]
    ends = np.cumsum(goldens[f"{key}/counts"])
    rows = np.split(goldens[f"{key}/ids"], ends[:-1])
    wrong = []
    for index, (text, encoding, expected) in enumerate(zip(strings, encodings, sums, strict=True)):
        if skip and skip in text:
            continue
        if zlib.crc32(np.array(encoding.ids, "<i4").tobytes()) != expected:
            known = rows[index].tolist() if index < len(rows) else "other ids"
            wrong.append(f"{text!r}: {encoding.ids}, expected {known}")
    assert not wrong, f"{len(wrong)} of {len(strings)} strings differ:\n" + "\n".join(wrong[:10])


def write(vocabulary: Vocabulary, folder: Path) -> Path:
    path = folder / "vocabulary.tokenizer"
    path.write_bytes(tokenizer_file(vocabulary))
    return path


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", SMALL)
def test_small_vocabulary(
    name: str,
    mode: str,
    program: Path,
    strings: list[bytes],
    goldens: dict[str, np.ndarray],
    tmp_path: Path,
) -> None:
    vocabulary = SMALL[name]
    drawn = strings[: len(goldens[f"{name}/{mode}/crc"])]
    options = ["--pre", vocabulary.pre] + (["--plain"] if mode == "plain" else [])
    encodings = tokenize(program, write(vocabulary, tmp_path), drawn, *options)
    compare(encodings, drawn, goldens, f"{name}/{mode}")
    if name != "incomplete":
        assert_decoded(drawn, encodings, mode)


@pytest.mark.parametrize("name", BERT_CASES)
def test_word_piece(
    name: str,
    program: Path,
    strings: list[bytes],
    word_piece_goldens: dict[str, np.ndarray],
    tmp_path: Path,
) -> None:
    vocabulary = bert_vocabulary(GOLDEN / "word_piece.txt", BERT_CASES[name])
    drawn = strings[: len(word_piece_goldens[f"{name}/crc"])]
    encodings = tokenize(program, write(vocabulary, tmp_path), drawn)
    compare(encodings, drawn, word_piece_goldens, name)


def is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def assert_decoded(strings: list[bytes], encodings: list[Encoding], mode: str) -> None:
    """Asserts that the ids lead back to valid text, but where pieces are
    ambiguous: a space marker in the text is a space on the way back, "<0x0A>" can
    be the byte piece of that name, and a control token's text in plain mode can
    merge into that token, after which a space counts as its prefix."""
    ambiguous = ["\u2581".encode(), b"<0x"]
    if mode == "plain":
        ambiguous += [text.encode() for text in SPECIAL]
    for text, encoding in zip(strings, encodings, strict=True):
        clear = is_utf8(text) and not any(part in text for part in ambiguous)
        assert encoding.decodes or not clear, text
    assert sum(encoding.decodes for encoding in encodings) > 0.8 * len(strings)


@pytest.fixture(scope="session")
def gemma(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gemma's vocabulary in our format."""
    return write(read_gguf(gemma_path()), tmp_path_factory.mktemp("gemma"))


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_gemma(
    mode: str, program: Path, gemma: Path, strings: list[bytes], goldens: dict[str, np.ndarray]
) -> None:
    encodings = tokenize(program, gemma, strings, *(["--plain"] if mode == "plain" else []))
    # llama.cpp takes Gemma's HTML tag "</s>" for a control token, which the
    # checkpoint says it is not.
    compare(encodings, strings, goldens, f"gemma/{mode}", b"</s>" if mode == "plain" else None)
    assert_decoded(strings, encodings, mode)


@pytest.mark.slow
def test_compiled_vocabulary(
    program: Path, artifacts: Artifacts, strings: list[bytes], goldens: dict[str, np.ndarray]
) -> None:
    """The vocabulary that winnow-compile writes is that of the checkpoint."""
    name = artifacts.get(gemma_path())
    encodings = tokenize(program, Path(f"{name}.tokenizer"), strings)
    compare(encodings, strings, goldens, "gemma/special")


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["a", " ", "\n", "<", "a b", "\u65e5", "=\n", "\u2581"])
def test_long_runs(unit: str, program: Path, gemma: Path, tmp_path: Path) -> None:
    """A megabyte of one unit takes about as long as any other text."""
    text = unit.encode() * (1_000_000 // len(unit.encode()))
    for path, options in (
        (gemma, []),
        (write(SMALL["llama3"], tmp_path), ["--pre", "llama-bpe"]),
    ):
        command = [str(program), str(path), *options]
        subprocess.run(
            command,
            input=struct.pack("<I", len(text)) + text,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=20,
        )
