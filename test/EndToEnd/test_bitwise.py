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
from programs import Artifacts, recipe

# One per family, the block formats of 32 and 256, and the small floats.
NAMES = [
    "llama-f32", "mistral-f32", "gemma3-f32", "llama-blocks-96", "qwen2-blocks-160",
    "qwen3-k-quants", "llama-small-floats",
]  # fmt: skip
MODES = {
    "auto": "",
    "f32": "",
    "bf16 caches": "winnow-kv-format{k=bf16 v=bf16}",
    "int8 caches": "winnow-kv-format{k=int8 v=int8}",
    "mixed caches": "winnow-kv-format{k=int8 only=kv0}\nwinnow-kv-format{v=bf16 skip=kv0}",
}
CASES = [(name, mode) for name in NAMES for mode in ("auto", "f32")]
CASES += [
    ("llama-f32", "bf16 caches"), ("gemma3-f32", "int8 caches"), ("qwen3-k-quants", "mixed caches")
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A compiled model, a sequence, and the logits that have to come again."""

    artifact: Artifact
    ids: list[int]
    expected: np.ndarray


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def case(
    request: pytest.FixtureRequest,
    tiny_paths: dict[str, Path],
    artifacts: Artifacts,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Case]:
    """An artifact with its logits in one piece by one thread."""
    name, mode = request.param
    lines = MODES[mode]
    option = recipe(tmp_path_factory.mktemp("recipe"), lines) if lines else f"--activations={mode}"
    ids = next(model for model in MODELS if model.name == name).token_ids()
    # Longer than the longest piece below.
    ids = (ids * 2)[:100]
    with Artifact(artifacts.get(tiny_paths[name], option)) as artifact:
        with artifact.session() as session:
            expected = session.prefill(ids)
        yield Case(artifact, ids, expected)


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


@dataclass
class Company:
    """Sequences that share a session, each a segment of its own."""

    session: Session
    sequences: list[list[int]]
    rows: list[list[np.ndarray]]

    def feed(self, *pieces: tuple[int, int]) -> None:
        """One call with the next tokens of some sequences: (segment, count)."""
        ids: list[int] = []
        positions: list[int] = []
        segments: list[int] = []
        taken = [len(rows) for rows in self.rows]
        for segment, count in pieces:
            first = taken[segment]
            taken[segment] += count
            ids += self.sequences[segment][first : first + count]
            positions += range(first, first + count)
            segments += [segment] * count
        logits = self.session.prefill(ids, positions=positions, segments=segments)
        for segment, row in zip(segments, logits, strict=True):
            self.rows[segment].append(row)

    def check(self, expected: list[np.ndarray]) -> None:
        """Every row so far has the bits that its sequence gives alone."""
        for rows, alone in zip(self.rows, expected, strict=True):
            if rows:
                assert_same_bits(np.stack(rows), alone[: len(rows)])


@pytest.fixture(scope="module")
def sequences(case: Case) -> list[list[int]]:
    """Three sequences, longer than a chunk of keys in all."""
    ids = case.ids
    return [ids, ids[::-1], (ids[50:] + ids[:50])]


@pytest.fixture(scope="module")
def alone(case: Case, sequences: list[list[int]]) -> list[np.ndarray]:
    """What each of them gives in a session of its own."""
    logits = []
    for ids in sequences:
        with case.artifact.session() as session:
            logits.append(session.prefill(ids))
    assert_same_bits(logits[0], case.expected)
    return logits


def company(session: Session, sequences: list[list[int]]) -> Company:
    """Nothing has been fed yet."""
    return Company(session, sequences, [[] for _ in sequences])


@pytest.mark.parametrize("threads", [1, 2])
def test_other_segments_of_the_call(
    case: Case, sequences: list[list[int]], alone: list[np.ndarray], threads: int
) -> None:
    with case.artifact.session(threads=threads) as session:
        all_at_once = company(session, sequences)
        all_at_once.feed((1, 100), (0, 100), (2, 55))
        all_at_once.check(alone)


def test_segments_that_take_turns(
    case: Case, sequences: list[list[int]], alone: list[np.ndarray]
) -> None:
    with case.artifact.session(piece=16) as session:
        turns = company(session, sequences)
        for step in range(12):
            turns.feed((step % 3, 3), ((step + 1) % 3, 1), (step % 3, 4))
        for _ in range(20):
            turns.feed((2, 1), (0, 1))
        turns.check(alone)
        assert session.length == 12 * 8 + 40
        # Many short segments take more chunks than the session was made for.
        for segment in range(10, 40):
            session.prefill([1, 2], Rows.NONE, positions=[0, 1], segments=[segment] * 2)
        turns.feed((1, 30), (0, 20))
        turns.check(alone)


def test_truncated_segments(
    case: Case, sequences: list[list[int]], alone: list[np.ndarray]
) -> None:
    with case.artifact.session() as session:
        once = company(session, sequences)
        once.feed((0, 30), (1, 40), (0, 20), (2, 50))
        session.truncate(80)
        once.rows = [once.rows[0][:40], once.rows[1][:40], []]
        once.feed((2, 60), (1, 60), (0, 40))
        once.check(alone)
