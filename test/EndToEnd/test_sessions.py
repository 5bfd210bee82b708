"""States of sessions: saved, loaded, left alone by calls that are cancelled."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from artifact import Artifact, ArtifactError, Rows, Status
from make_tiny_models import MODELS
from programs import Artifacts, Programs, join, recipe

CUTS = (1, 16, 37)


@dataclass(frozen=True)
class Case:
    """A compiled model, a sequence and its logits."""

    artifact: Artifact
    ids: list[int]
    expected: np.ndarray


CASES = {
    "gemma3-k-quants": "",
    "qwen2-blocks-160": "",
    "gemma3-f32": "winnow-kv-format{k=int8 v=int8}",
    "llama-f32": "winnow-kv-format{k=bf16 v=int8}",
}


@pytest.fixture(scope="module", params=CASES)
def case(
    request: pytest.FixtureRequest,
    tiny_paths: dict[str, Path],
    artifacts: Artifacts,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Case]:
    """Models with and without sliding windows, caches of f32 and of less."""
    ids = next(model for model in MODELS if model.name == request.param).token_ids()[:60]
    line = CASES[request.param]
    options = (recipe(tmp_path_factory.mktemp("recipe"), line),) if line else ()
    with Artifact(artifacts.get(tiny_paths[request.param], *options)) as artifact:
        with artifact.session() as session:
            expected = session.prefill(ids)
        yield Case(artifact, ids, expected)


@pytest.mark.parametrize("cut", CUTS)
def test_a_loaded_session_goes_on(case: Case, cut: int, tmp_path: Path) -> None:
    path = tmp_path / "state"
    with case.artifact.session() as session:
        session.prefill(case.ids[:cut])
        session.save(path)
        assert path.read_bytes() == session.state()
    assert [file.name for file in tmp_path.iterdir()] == ["state"]
    with case.artifact.session(threads=2, context=64, piece=9) as session:
        session.prefill(case.ids[::-1])
        session.load(path)
        assert session.length == cut
        assert session.cache_lengths() == [cut] * case.artifact.info().layers
        np.testing.assert_array_equal(session.logits(), case.expected[cut - 1 : cut])
        np.testing.assert_array_equal(session.prefill(case.ids[cut:]), case.expected[cut:])


def test_bad_states_change_nothing(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "state"
    with case.artifact.session(context=48) as session, case.artifact.session() as longer:
        session.prefill(case.ids[:20])
        state = session.state()
        longer.prefill(case.ids[:50])
        damaged = bytearray(state)
        damaged[len(state) // 2] ^= 4
        for bad, status in (
            (state[:-1], Status.BAD_FILE),
            (state[:7], Status.BAD_FILE),
            (bytes(damaged), Status.BAD_FILE),
            (longer.state(), Status.CONTEXT_OVERRUN),
        ):
            path.write_bytes(bad)
            for load in (lambda bad=bad: session.set_state(bad), lambda: session.load(path)):
                with pytest.raises(ArtifactError) as raised:
                    load()
                assert raised.value.status == status
        assert session.state() == state
        np.testing.assert_array_equal(session.prefill(case.ids[20:40]), case.expected[20:40])


def test_states_belong_to_one_build(
    tiny_paths: dict[str, Path], artifacts: Artifacts, tmp_path: Path
) -> None:
    """Equal code and weights are one build, whatever the context."""
    path = tiny_paths["qwen2-blocks-160"]
    names = [artifacts.get(path, *options) for options in ((), ("--context=32",))]
    with Artifact(names[0]) as long, Artifact(names[1]) as short:
        with long.session() as session, short.session() as other:
            session.prefill([1, 2, 3])
            session.save(tmp_path / "state")
            other.load(tmp_path / "state")
            np.testing.assert_array_equal(other.decode(4), session.decode(4))
    with Artifact(artifacts.get(path, "--activations=f32")) as artifact:
        with artifact.session() as session, pytest.raises(ArtifactError) as raised:
            session.load(tmp_path / "state")
    assert raised.value.status == Status.MISMATCH


def test_session_of_winnow_run(
    tiny_paths: dict[str, Path], artifacts: Artifacts, programs: Programs, tmp_path: Path
) -> None:
    name = artifacts.get(tiny_paths["gemma3-k-quants"])
    state, other, logits = (tmp_path / file for file in ("state", "other", "logits.npy"))
    ids = [1, 5, 9, 40, 71]
    whole = programs.generate(name, ids, 12)
    assert programs.generate(name, ids, 4, "--save-session", str(state)) == whole[:4]
    shutil.copy(state, other)
    # Without a prompt, and with the rest of the tokens as one.
    empty = tmp_path / "ids"
    empty.write_text("")
    result = programs.execute(
        "winnow-run", name, "--load-session", state, "--ids-file", empty, "-n", 8, "--ignore-eos"
    )
    assert result.stdout == join(whole[4:]) + "\n"
    expected = programs.logits(name, ids + whole, logits)
    found = programs.logits(name, whole[4:], logits, "--load-session", str(state))
    np.testing.assert_array_equal(found, expected[len(ids) + 4 :])
    assert state.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("threads", [1, 3])
def test_cancelled_between_layers(case: Case, threads: int) -> None:
    asked = 0
    limit = 0

    def cancel(_: int | None) -> int:
        nonlocal asked
        asked += 1
        return asked == limit

    layers = case.artifact.info().layers
    with case.artifact.session(threads=threads, piece=16, cancel=cancel) as session:
        before = session.prefill(case.ids[:20])
        assert asked == 2 * layers  # two pieces
        state = session.state()
        for limit in range(1, 3 * layers + 1):
            for rows in (Rows.LAST, Rows.ALL):
                asked = 0
                with pytest.raises(ArtifactError) as raised:
                    session.prefill(case.ids[20:], rows)
                assert raised.value.status == Status.CANCELLED
                assert asked == limit
                assert session.length == 20 and session.state() == state
                np.testing.assert_array_equal(session.logits(), before)
        limit = 0
        np.testing.assert_array_equal(session.prefill(case.ids[20:]), case.expected[20:])
