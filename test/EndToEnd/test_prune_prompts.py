"""`winnow-prune-tokens` of a decoder: prompts that lose tokens between blocks,
against the same model with those tokens masked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from artifact import Artifact, ArtifactError, Rows, Status
from conftest import Tiny
from fetch_gemma import gemma_path
from fetch_texts import texts
from interpreted_model import interpret_model
from interpreter import Call, arguments_of
from programs import Artifacts, Programs, recipe
from reference.pruned_transformer import PrunedTransformer

MODELS = ("llama-f32", "qwen2-f32", "gptneox-f32")
EXACT = "--activations=f32"


# By policy, what recipes say of layers, and positions.
PRUNINGS = [
    ("fastv", {1: 0.5}, "keep"),
    ("fastv", {1: 0.25, 2: 0.5}, "keep"),
    ("fastv", {1: 0.25, 2: 0.5}, "compact"),
    ("fastv", {1: 0.01}, "keep"),
    ("threshold", {1: 0.01}, "keep"),
    ("threshold", {1: 0.004, 2: 0.02}, "keep"),
    ("threshold", {1: 0.004, 2: 0.02}, "compact"),
    ("threshold", {1: 1}, "keep"),
    ("pyramiddrop", {1: 0.5}, "keep"),
    ("pyramiddrop", {1: 0.6, 2: 0.35}, "keep"),
    ("pyramiddrop", {1: 0.6, 2: 0.35}, "compact"),
    ("cut", {1: 0}, "keep"),
    ("cut", {1: 0}, "compact"),
]
BUDGETS = {"cut": None, "threshold": "threshold"}


def pruned(folder: Path, policy: str, keep: dict[int, float], positions: str = "keep") -> str:
    """The option with a recipe."""
    layers = ",".join(map(str, keep))
    numbers = ",".join(map(str, keep.values()))
    budget = BUDGETS.get(policy, "keep")
    amount = f" {budget}={numbers}" if budget else ""
    options = f"policy={policy} layer={layers}{amount} positions={positions}"
    return recipe(folder, f"winnow-prune-tokens{{{options}}}")


def fastv(folder: Path, keep: dict[int, float]) -> str:
    return pruned(folder, "fastv", keep)


def prompt_of(tiny: Tiny, length: int) -> list[int]:
    rng = np.random.default_rng(length)
    return rng.integers(0, tiny.expected.shape[1], length).tolist()


def close(found: np.ndarray, expected: np.ndarray) -> bool:
    return np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("tiny", MODELS, indirect=True)
@pytest.mark.parametrize(("policy", "keep", "positions"), PRUNINGS, ids=str)
@pytest.mark.parametrize(("length", "span"), [(7, (1, 6)), (150, (3, 140)), (40, (0, 40))])
def test_masked_tokens_are_no_tokens(
    tiny: Tiny,
    policy: str,
    keep: dict[int, float],
    positions: str,
    length: int,
    span: tuple[int, int],
    artifacts: Artifacts,
    tmp_path: Path,
) -> None:
    """Logits of what stays, what follows, the lengths of caches; then back to the
    end of the prompt, once by truncation and once by a saved state."""
    ids = prompt_of(tiny, length)
    keep = {layer: share for layer, share in keep.items() if layer < tiny.model.layers}
    compacts = positions == "compact"
    reference = PrunedTransformer(tiny.path, keep, policy, compacts=compacts)
    states, cache, seen = reference.prompt(ids, span)
    expected = reference.logits(states)
    following = [5, 3, 1, 8]
    option = pruned(tmp_path, policy, keep, positions)
    with Artifact(artifacts.get(tiny.path, option, EXACT)) as artifact:
        assert artifact.info().prunes_prompts == 1
        results = []
        for threads in (1, 3):
            with artifact.session(threads=threads, context=200) as session:
                logits = session.prefill_prompt(ids, span)
                # A token that left has logits of what it was.
                stays = seen[-1]
                assert close(logits[stays], expected[stays])
                assert session.cache_lengths() == [int(row.sum()) for row in seen]
                assert session.length == length
                session.save(tmp_path / "state")
                decoded = [session.decode(token) for token in following]
                session.truncate(length)
                assert session.cache_lengths() == [int(row.sum()) for row in seen]
                again = [session.decode(token) for token in following]
                session.load(tmp_path / "state")
                loaded = [session.decode(token) for token in following]
                np.testing.assert_array_equal(decoded, again)
                np.testing.assert_array_equal(decoded, loaded)
                results.append([logits, *decoded])
        for one, other in zip(*results, strict=True):
            np.testing.assert_array_equal(one, other)
    for token, found in zip(following, results[0][1:], strict=True):
        wanted = reference.logits(reference.follow(token, cache, seen))
        assert close(found, wanted)


@pytest.mark.parametrize("tiny", ["llama-f32"], indirect=True)
@pytest.mark.parametrize(
    ("policy", "keep", "positions"),
    [
        ("fastv", {1: 0.5, 2: 0.7}, "keep"),
        ("threshold", {1: 0.01, 2: 0.02}, "keep"),
        ("pyramiddrop", {1: 0.7, 2: 0.3}, "keep"),
        ("pyramiddrop", {1: 0.7, 2: 0.3}, "compact"),
        ("cut", {2: 0}, "keep"),
    ],
    ids=str,
)
def test_interpreter_agrees(
    tiny: Tiny,
    policy: str,
    keep: dict[int, float],
    positions: str,
    programs: Programs,
    artifacts: Artifacts,
    tmp_path: Path,
) -> None:
    ids, span = prompt_of(tiny, 60), (2, 55)
    options = (pruned(tmp_path, policy, keep, positions), EXACT)
    with Artifact(artifacts.get(tiny.path, *options)) as artifact, artifact.session() as session:
        logits = session.prefill_prompt(ids, span)
    numbers = np.arange(len(ids), dtype=np.int32)
    prunable = ((numbers >= span[0]) & (numbers < span[1])).astype(np.int32)
    arguments = arguments_of(ids) | {"prunable": prunable}
    emitted = (*options, "--emit=compressed")
    calls = [Call("prompt", arguments)]
    [[found]] = interpret_model(programs, tiny.path, calls, tmp_path, emitted)
    assert close(found, logits)


@pytest.mark.parametrize("tiny", ["llama-f32"], indirect=True)
@pytest.mark.parametrize("positions", ["keep", "compact"])
@pytest.mark.parametrize("policy", ["fastv", "threshold", "pyramiddrop", "cut"])
def test_nothing_may_leave(
    tiny: Tiny, policy: str, positions: str, artifacts: Artifacts, tmp_path: Path
) -> None:
    """prefill and decode are those of the model without the pass, bit for bit; and
    so is a prompt of which nothing may leave."""
    ids = prompt_of(tiny, 90)
    pruning = artifacts.get(tiny.path, pruned(tmp_path, policy, {1: 0.5}, positions))
    with Artifact(artifacts.get(tiny.path)) as plain, plain.session() as session:
        expected = session.prefill(ids)
        assert plain.info().prunes_prompts == 0
        session.truncate(0)
        np.testing.assert_array_equal(session.prefill_prompt(ids, (0, 50)), expected)
    with Artifact(pruning) as artifact:
        for span in (None, (0, 0), (90, 90), (45, 45)):
            with artifact.session(threads=2, piece=32) as session:
                found = session.prefill(ids) if span is None else session.prefill_prompt(ids, span)
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("tiny", ["llama-f32"], indirect=True)
def test_lengths_of_caches(tiny: Tiny, artifacts: Artifacts, tmp_path: Path) -> None:
    ids = prompt_of(tiny, 90)
    with Artifact(artifacts.get(tiny.path, fastv(tmp_path, {1: 0.5}))) as artifact:
        # By default the last 64 tokens stay, and half of the others.
        with artifact.session() as session:
            session.prefill_prompt(ids, rows=Rows.LAST)
            assert session.cache_lengths() == [90, *[64 + 13] * (tiny.model.layers - 1)]
            session.prefill_prompt(ids, (0, 89), rows=Rows.NONE)
            assert session.length == 180
            lengths = [180, *[64 + 13 + 1 + 44] * (tiny.model.layers - 1)]
            assert session.cache_lengths() == lengths


@pytest.mark.parametrize("tiny", ["llama-f32"], indirect=True)
def test_errors(tiny: Tiny, artifacts: Artifacts, tmp_path: Path) -> None:
    pruning = artifacts.get(tiny.path, fastv(tmp_path, {1: 0.5}))
    with Artifact(pruning) as artifact, artifact.session(context=100) as session:
        for span in ((-1, 3), (3, 2), (0, 11)):
            with pytest.raises(ArtifactError, match=r"is not within the 10 tokens") as error:
                session.prefill_prompt([1] * 10, span)
            assert error.value.status == Status.INVALID_ARGUMENT
        with pytest.raises(ArtifactError, match="context overrun"):
            session.prefill_prompt([1] * 101, (0, 10))
        assert session.length == 0


@pytest.mark.parametrize("tiny", ["llama-f32"], indirect=True)
def test_command_line(tiny: Tiny, programs: Programs, artifacts: Artifacts, tmp_path: Path) -> None:
    """A prompt with a span, logits of all its tokens, and what is refused."""
    pruning, plain = artifacts.get(tiny.path, fastv(tmp_path, {1: 0.5})), artifacts.get(tiny.path)
    ids, span = prompt_of(tiny, 40), (3, 30)
    path = tmp_path / "logits.npy"
    found = programs.logits(pruning, ids, path, f"--prune-span={span[0]}:{span[1]}")
    with Artifact(pruning) as artifact, artifact.session() as session:
        np.testing.assert_array_equal(found, session.prefill_prompt(ids, span))
        wanted = [int(session.logits()[-1].argmax())]
        while len(wanted) < 5:
            wanted.append(int(session.decode(wanted[-1])[0].argmax()))
    assert programs.generate(pruning, ids, 5, "--prune-span", "3:30") == wanted
    given = ("--ids", ",".join(map(str, ids)), "-n", "1", "--prune-span")
    assert "is not within the 40 tokens" in programs.failure("winnow-run", pruning, *given, "3:41")
    assert "expected two counts" in programs.failure("winnow-run", pruning, *given, "3")
    assert "does not prune this prompt" in programs.failure("winnow-run", plain, *given, "3:30")


@pytest.mark.parametrize("tiny", ["llama-f32"], indirect=True)
def test_pyramid_stages(tiny: Tiny, artifacts: Artifacts, tmp_path: Path) -> None:
    """A second stage of the same share lets none leave: all numbers are those of one
    stage. Counts are of the original span, rounded down."""
    ids, span = prompt_of(tiny, 80), (5, 72)
    results = []
    for keep in ({1: 0.6}, {1: 0.6, 2: 0.6}):
        name = artifacts.get(tiny.path, pruned(tmp_path, "pyramiddrop", keep))
        with Artifact(name) as artifact, artifact.session() as session:
            logits = session.prefill_prompt(ids, span)
            results.append((logits, session.cache_lengths(), session.decode(3)))
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)
    # Of 67: 40, and 20 rather than 0.31 of 40.
    name = artifacts.get(tiny.path, pruned(tmp_path, "pyramiddrop", {1: 0.6, 2: 0.31}))
    with Artifact(name) as artifact, artifact.session() as session:
        session.prefill_prompt(ids, span)
        lengths = session.cache_lengths()
    assert lengths[:3] == [80, 13 + 40, 13 + 20]


@pytest.mark.slow
@pytest.mark.parametrize(
    "prunings",
    [
        [("fastv", {6: keep}) for keep in (0.9, 0.5, 0.2)],
        [("threshold", {6: share}) for share in (0.0001, 0.001, 0.01)],
        [("pyramiddrop", {5: keep}) for keep in (0.9, 0.5, 0.2)],
        [("cut", {layer: 0}) for layer in (17, 12, 6)],
    ],
    ids=["fastv", "threshold", "pyramiddrop", "cut"],
)
def test_gemma(
    prunings: list[tuple[str, dict[int, float]]],
    programs: Programs,
    artifacts: Artifacts,
    tmp_path: Path,
) -> None:
    """A real model: what follows prompts of which more is left is closer to what
    the whole model says."""
    plain = artifacts.get(gemma_path())
    text = tmp_path / "text.txt"
    lines = texts().evaluation.read_text(encoding="utf-8").splitlines()[:120]
    text.write_text("\n".join(lines) + "\n", encoding="utf-8")
    divergences = []
    for policy, keep in prunings:
        name = artifacts.get(gemma_path(), pruned(tmp_path, policy, keep))
        flags = ("--against", plain, "--context", "512", "--json", "--after", "256")
        found = programs.execute("winnow-run", name, "--evaluate", text, *flags)
        assert found.returncode == 0, found.stderr
        divergences.append(json.loads(found.stdout)["kl"])
    assert 0 < divergences[0] < divergences[1] < divergences[2]


@pytest.mark.parametrize("tiny", ["llama-f32"], indirect=True)
@pytest.mark.parametrize(
    ("policy", "nothing", "little"),
    [
        ("fastv", {1: 1.0}, {1: 0.99}),
        ("threshold", {1: 0, 2: 0}, {1: 0, 2: 1e-45}),
        ("pyramiddrop", {1: 1.0, 2: 1.0}, {1: 1.0, 2: 0.99}),
        ("cut", {}, {2: 0}),
    ],
)
def test_everything_kept_is_the_identity(
    tiny: Tiny,
    policy: str,
    nothing: dict[int, float],
    little: dict[int, float],
    artifacts: Artifacts,
    tmp_path: Path,
) -> None:
    def files(*options: str) -> list[bytes]:
        name = artifacts.get(tiny.path, *options)
        suffixes = (".so", ".weights", ".json")
        return [name.with_name(name.name + suffix).read_bytes() for suffix in suffixes]

    plain = files()
    for positions in ("keep", "compact"):
        assert plain == files(pruned(tmp_path, policy, nothing, positions))
    less = files(pruned(tmp_path, policy, little))
    assert all(a != b for a, b in zip(plain, less, strict=True))
