"""all-MiniLM-L6-v2: its vocabulary, and its embeddings against NumPy."""

from __future__ import annotations

import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest

from artifact import Artifact
from fetch_minilm import minilm_path
from programs import Artifacts, Programs
from reference.encoder import TextEncoder
from tokenizer_strings import draw_strings
from tokenizer_vocabularies import GOLDEN

pytestmark = pytest.mark.slow

SENTENCES = (
    "A cat sleeps on the sofa.",
    "A kitten naps on the couch.",
    "The stock market fell today.",
    "Der Zug fährt um acht Uhr nach Hamburg; wer zu spät kommt, wartet.",
)


def tokenize(program: Path, name: Path, texts: list[bytes]) -> list[list[int]]:
    request = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    command = [str(program), f"{name}.tokenizer"]
    answer = subprocess.run(command, input=request, capture_output=True, check=True)
    lines = answer.stdout.decode().splitlines()
    return [[int(number) for number in line.split("\t")[0].split(",")] for line in lines]


def test_ids(pytestconfig: pytest.Config, artifacts: Artifacts) -> None:
    """Those of the package `tokenizers` (record_word_piece_goldens.py)."""
    program = pytestconfig.getoption("--winnow-build").resolve() / "unittests" / "winnow-tokenize"
    strings = draw_strings()
    ids = tokenize(program, artifacts.get(minilm_path()), strings)
    with np.load(GOLDEN / "word_piece.npz") as golden:
        expected = golden["minilm/crc"]
    wrong = [
        text
        for text, row, sum_ in zip(strings, ids, expected, strict=True)
        if zlib.crc32(np.array(row, "<i4").tobytes()) != sum_
    ]
    assert not wrong, (len(wrong), wrong[:5])


def test_embeddings(
    pytestconfig: pytest.Config, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    name = artifacts.get(minilm_path())
    program = pytestconfig.getoption("--winnow-build").resolve() / "unittests" / "winnow-tokenize"
    texts = tokenize(program, name, [text.encode() for text in SENTENCES])
    arguments = [part for text in SENTENCES for part in ("--prompt", text)]
    path = tmp_path / "embeddings.npy"
    result = programs.execute("winnow-run", name, *arguments, "--embedding", path)
    assert result.returncode == 0, result.stderr
    found = np.load(path)
    reference = TextEncoder(minilm_path())
    for row, ids in zip(found, texts, strict=True):
        expected = reference.embedding(ids)
        distance = 1 - float(row @ expected) / float(np.linalg.norm(row))
        assert distance < 1e-4
        assert np.abs(row - expected).max() < 1e-5
    similar = programs.execute("winnow-run", name, *arguments).stdout.splitlines()
    table = np.array([[float(number) for number in line.split()[:4]] for line in similar])
    np.testing.assert_allclose(table, found @ found.T, atol=1e-4)
    assert table[0, 1] > 0.7 > 0.2 > table[0, 2]
    lines = tmp_path / "lines.txt"
    lines.write_text("\n\n".join(SENTENCES) + "\n")
    programs.execute("winnow-run", name, "--prompt-file", lines, "--embedding", path)
    np.testing.assert_array_equal(np.load(path), found)


def test_ragged_batches(artifacts: Artifacts) -> None:
    """A text's embedding is the same, bit for bit, in every company."""
    rng = np.random.default_rng(5)
    texts = [rng.integers(1000, 30000, length).tolist() for length in rng.integers(1, 300, 40)]
    with Artifact(artifacts.get(minilm_path())) as artifact:
        with artifact.session() as session:
            alone = [session.encode([text])[1][0] for text in texts]
        with artifact.session(threads=2) as session:
            _, together = session.encode(texts)
    np.testing.assert_array_equal(together, np.stack(alone))
