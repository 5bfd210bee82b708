"""Logits do not depend, bit by bit, on how a prompt is cut, on the number of
threads, on what the session held before, or on other segments of the call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from artifact import Artifact, Rows, Session
from make_tiny_models import MODELS
from programs import Artifacts

# One per family, the block formats of 32 and 256, and the small floats.
NAMES = [
    "llama-f32", "mistral-f32", "gemma3-f32", "llama-blocks-96", "qwen2-blocks-160",
    "qwen3-k-quants", "llama-small-floats",
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A compiled model, a sequence, and the logits that have to come again."""

    artifact: Artifact
    ids: list[int]
    expected: np.ndarray
    exact: bool


@pytest.fixture(scope="module", params=[(name, mode) for name in NAMES for mode in ("auto", "f32")])
def case(
    request: pytest.FixtureRequest, tiny_paths: dict[str, Path], artifacts: Artifacts
) -> Iterator[Case]:
    """An artifact with its logits in one piece by one thread."""
    name, mode = request.param
    ids = next(model for model in MODELS if model.name == name).token_ids()
    # Longer than the longest piece below.
    ids = (ids * 2)[:100]
    with Artifact(artifacts.get(tiny_paths[name], f"--activations={mode}")) as artifact:
        with artifact.session() as session:
            expected = session.prefill(ids)
        yield Case(artifact, ids, expected, mode == "f32")


def assert_same_bits(actual: np.ndarray, expected: np.ndarray) -> None:
    """Equal as bits: 0 and -0 differ, NaN equals itself."""
    assert actual.shape == expected.shape
    different = np.flatnonzero((actual.view(np.uint32) != expected.view(np.uint32)).any(axis=-1))
    assert different.size == 0, f"{different.size} rows differ, the first is {different[0]}"


def in_pieces(session: Session, ids: list[int], size: int) -> np.ndarray:
    """Logits of a sequence given in pieces of `size` tokens."""
    parts = [session.prefill(ids[start : start + size]) for start in range(0, len(ids), size)]
    return np.concatenate(parts)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_pieces_of_the_caller(case: Case, size: int) -> None:
    artifact, ids, expected = case.artifact, case.ids, case.expected
    with artifact.session() as session:
        assert_same_bits(in_pieces(session, ids, size), expected)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_internal_pieces(case: Case, size: int) -> None:
    artifact, ids, expected = case.artifact, case.ids, case.expected
    with artifact.session(piece=size) as session:
        assert_same_bits(session.prefill(ids), expected)


def test_token_by_token(case: Case) -> None:
    artifact, ids, expected = case.artifact, case.ids, case.expected
    with artifact.session() as session:
        rows = [session.decode(token) for token in ids]
    assert_same_bits(np.concatenate(rows), expected)


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("size", [1, 100])
def test_threads(case: Case, threads: int, size: int) -> None:
    artifact, ids, expected = case.artifact, case.ids, case.expected
    with artifact.session(threads=threads) as session:
        assert_same_bits(in_pieces(session, ids, size), expected)


def test_rows_asked_for_do_not_matter(case: Case) -> None:
    artifact, ids, expected = case.artifact, case.ids, case.expected
    with artifact.session() as session:
        assert session.prefill(ids[:40], Rows.NONE) is None
        assert_same_bits(session.prefill(ids[40:], Rows.LAST), expected[-1:])


def test_truncate_and_continue(case: Case) -> None:
    artifact, ids, expected = case.artifact, case.ids, case.expected
    with artifact.session() as session:
        session.prefill(ids[:50] + ids[:30])
        session.truncate(33)
        assert session.length == 33
        # The tokens after 33 are the sequence's own again.
        assert_same_bits(session.prefill(ids[33:]), expected[33:])
        session.reset()
        assert session.length == 0
        assert_same_bits(session.prefill(ids), expected)


def test_other_segments_of_the_call(case: Case) -> None:
    artifact, ids, expected = case.artifact, case.ids, case.expected
    other = ids[::-1][:37]
    with artifact.session() as session:
        logits = session.prefill(
            ids + other,
            positions=[*range(len(ids)), *range(len(other))],
            segments=[0] * len(ids) + [1] * len(other),
        )
        assert_same_bits(logits[: len(ids)], expected)
    with artifact.session() as session:
        alone = session.prefill(other)
    # The second segment's keys lie elsewhere in the cache, so they are added up
    # in another order.
    bound = 1e-5 if case.exact else 0.05
    assert np.abs(logits[len(ids) :] - alone).max() <= bound * np.abs(alone).max()
