"""Saved sessions, embeddings in place of ids, calls that are cancelled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import winnow
from make_tiny_models import VOCABULARY
from programs import Artifacts
from reference import Checkpoint

IDS = [1, 5, 9, 40, 71]


@pytest.fixture
def artifact(tiny_paths: dict[str, Path], artifacts: Artifacts) -> winnow.Artifact:
    return winnow.Artifact(artifacts.get(tiny_paths["qwen2-f32"]))


@pytest.fixture
def session(artifact: winnow.Artifact) -> winnow.Session:
    return artifact.session(threads=1)


def test_saved_session_goes_on(
    artifact: winnow.Artifact, session: winnow.Session, tmp_path: Path
) -> None:
    session.prefill(IDS)
    session.save(tmp_path / "state")
    expected = session.generate([7], 20, temperature=1.0)
    with artifact.session(threads=2) as other:
        other.load(tmp_path / "state")
        assert other.length == len(IDS) and other.logits.shape == (1, VOCABULARY)
        assert other.generate([7], 20, temperature=1.0) == expected
        before = other.length
        with pytest.raises(winnow.FileError, match="none"):
            other.load(tmp_path / "none")
        (tmp_path / "bad").write_bytes((tmp_path / "state").read_bytes()[:-1])
        with pytest.raises(winnow.BadFileError):
            other.load(tmp_path / "bad")
        with pytest.raises(winnow.FileError):
            other.save(tmp_path / "no" / "folder")
        assert other.length == before


def test_embeddings(
    artifact: winnow.Artifact, session: winnow.Session, tiny_paths: dict[str, Path]
) -> None:
    """Rows of the model's own table give the logits of its ids, bit by bit."""
    table = Checkpoint(tiny_paths["qwen2-f32"]).weight("token_embd.weight")
    assert table is not None and table.dtype == np.float32
    assert artifact.embedding_width == table.shape[1]
    session.prefill(IDS, rows="all")
    expected = session.logits.copy()
    session.reset()
    session.prefill_embeddings(table[IDS[:3]], rows="all", segments=[0] * 3)
    np.testing.assert_array_equal(session.logits, expected[:3])
    session.prefill(IDS[3:])
    np.testing.assert_array_equal(session.logits, expected[-1:])
    for bad in (table[0], table[:1, :-1], table[:1].astype(np.float64), [["a"]], table[:0]):
        with pytest.raises(winnow.InvalidArgumentError):
            session.prefill_embeddings(bad)  # type: ignore[arg-type]
    with pytest.raises(winnow.InvalidArgumentError):
        session.prefill_embeddings(table[:2], positions=[0])
    assert session.length == len(IDS)


def test_cancelling(artifact: winnow.Artifact) -> None:
    answers: list[object] = []
    asked = 0

    def cancel() -> object:
        nonlocal asked
        asked += 1
        answer = answers.pop(0) if answers else False
        if isinstance(answer, BaseException):
            raise answer
        return answer

    with artifact.session(threads=2, cancel=cancel) as session:
        session.prefill(IDS)
        expected = session.logits.copy()
        assert asked > 1
        answers[:] = [False, True]
        with pytest.raises(winnow.CancelledError):
            session.prefill(IDS)
        answers[:] = [KeyboardInterrupt()]
        with pytest.raises(KeyboardInterrupt):
            session.decode(3)
        assert session.length == len(IDS)
        np.testing.assert_array_equal(session.logits, expected)
        session.decode(3)
        assert session.length == len(IDS) + 1
