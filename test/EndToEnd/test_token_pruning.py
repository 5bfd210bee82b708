"""Ops that score and choose tokens: the interpreter and native code, whose rows
are counted when it runs, against formulas in NumPy."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from artifact import Artifact
from both_ways import run_both_ways
from interpreter import Call
from programs import Programs

HEADS, KEY_HEADS, KEY_DIM, WIDTH = 6, 3, 20, 37
SCALE = 0.25

Arrays = dict[str, np.ndarray]

# How many of how many others stay, and what always does.
POLICIES = {
    "evit": (0.7, "up", 1, 0),
    "half": (0.5, "even", 0, 2),
    "few": (0.1, "down", 2, 3),
    "most": (0.9, "down", 0, 0),
    "all": (1.0, "up", 0, 0),
}
ROUND = {"up": math.ceil, "down": math.floor, "even": round}


def argument(name: str, type_: str, *dims: str) -> str:
    quoted = ", ".join(f'"{dim}"' for dim in dims)
    return f'%{name}: {type_} {{winnow.name = "{name}", winnow.dims = [{quoted}]}}'


def program() -> str:
    """score: scores of tokens. POLICY[_whole]: what stays goes through an
    attention of its own, a linear layer and a mean for each wanted segment."""
    query, key = f"tensor<?x{HEADS}x{KEY_DIM}xf32>", f"tensor<?x{KEY_HEADS}x{KEY_DIM}xf32>"
    ids, rows = "tensor<?xi32>", f"tensor<?x{WIDTH}xf32>"
    wide = f"tensor<?x1x{WIDTH}xf32>"
    text = f"""
func.func @score({argument("q", query, "T")}, {argument("k", key, "T")},
    {argument("positions", ids, "T")}, {argument("segments", ids, "T")})
    -> (tensor<?xf32> {{winnow.dims = ["T"]}}) attributes {{winnow.entry}} {{
  %o, %lse = winnow.attention query(%q, %positions, %segments) key(%k, %positions, %segments)
    value(%k) {{mask = #winnow.mask<full>, scale = {SCALE} : f32}}
    : {query}, {key}, {key}, {ids}, {ids}, {ids}, {ids} -> {query} lse tensor<?x{HEADS}xf32>
  %y = winnow.token_score %q, %k, %lse of %segments : {ids}, {{scale = {SCALE} : f32}}
    : {query}, {key}, tensor<?x{HEADS}xf32> -> tensor<?xf32>
  return %y : tensor<?xf32>
}}
"""
    for name, (keep, rounding, first, last) in POLICIES.items():
        policy = (
            f"#winnow.token_policy<keep = {keep} : f64, rounding = {rounding},"
            f" first = {first}, last = {last}>"
        )
        for whole in (False, True):
            segments = "" if whole else f" of %segments : {ids},"
            text += f"""
func.func @{name}{"_whole" if whole else ""}({argument("x", rows, "T")},
    {argument("scores", "tensor<?xf32>", "T")}, {argument("segments", ids, "T")},
    {argument("wanted", ids, "S")})
    -> ({rows} {{winnow.dims = ["S"]}}) attributes {{winnow.entry}} {{
  %kept = winnow.token_select %scores{segments} {{policy = {policy}}} : tensor<?xf32> -> {ids}
  %r = winnow.token_gather %x[%kept] : {rows}, {ids} -> {rows}
  %s = winnow.token_gather %segments[%kept] : {ids}, {ids} -> {ids}
  %zero = arith.constant 0 : index
  %n = tensor.dim %r, %zero : {rows}
  %h = tensor.expand_shape %r [[0], [1, 2]] output_shape [%n, 1, {WIDTH}] : {rows} into {wide}
  %a = winnow.attention query(%h, %kept, %s) key(%h, %kept, %s) value(%h)
    {{mask = #winnow.mask<causal>, scale = {SCALE} : f32}}
    : {wide}, {wide}, {wide}, {ids}, {ids}, {ids}, {ids} -> {wide}
  %j = tensor.collapse_shape %a [[0], [1, 2]] : {wide} into {rows}
  %w = winnow.use @w : tensor<{WIDTH}x{WIDTH}xf32>
  %l = winnow.linear %j, %w : {rows}, tensor<{WIDTH}x{WIDTH}xf32> -> {rows}
  %y = winnow.token_pool mean %l of %s for %wanted : {rows}, {ids}, {ids} -> {rows}
  return %y : {rows}
}}
"""
    return f"winnow.param @w from {{splat = 0.125 : f32}} : tensor<{WIDTH}x{WIDTH}xf32>\n" + text


@pytest.fixture(scope="module")
def artifact(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("token_pruning")
    source = folder / "token_pruning.mlir"
    source.write_text(program())
    compiled = programs.compile(source, folder / "token_pruning")
    with Artifact(compiled) as opened:
        yield opened


def check(
    programs: Programs,
    artifact: Artifact,
    folder: Path,
    name: str,
    inputs: Arrays,
    expected: np.ndarray,
) -> np.ndarray:
    """Compares both ways to run an entry point with `expected`; native code has
    the same bits on 1 and 3 threads."""
    call = Call(name, inputs)
    interpreted, results = run_both_ways(
        programs, artifact, program(), call, expected.shape, (1, 3), folder
    )
    np.testing.assert_allclose(interpreted, expected, rtol=1e-5, atol=1e-6)
    for native in results:
        np.testing.assert_allclose(native, expected, rtol=2e-5, atol=1e-5)
    np.testing.assert_array_equal(*results)
    return results[0]


def softmax(scores: np.ndarray) -> np.ndarray:
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


@pytest.mark.parametrize("tokens", [0, 1, 19, 300])
def test_score(tokens: int, programs: Programs, artifact: Artifact, tmp_path: Path) -> None:
    """The attention row of the first token of each segment, with explicit P."""
    rng = np.random.default_rng(tokens)
    q = rng.normal(size=(tokens, HEADS, KEY_DIM)).astype(np.float32)
    k = rng.normal(size=(tokens, KEY_HEADS, KEY_DIM)).astype(np.float32)
    positions = np.arange(tokens, dtype=np.int32)
    segments = np.sort(rng.integers(0, 4, tokens)).astype(np.int32)
    expected = np.zeros(tokens)
    repeated = np.repeat(k.astype(np.float64), HEADS // KEY_HEADS, axis=1)
    for segment in set(segments.tolist()):
        rows = np.flatnonzero(segments == segment)
        scores = SCALE * np.einsum("hc,jhc->hj", q[rows[0]].astype(np.float64), repeated[rows])
        expected[rows] = softmax(scores).mean(0)
    inputs = {"q": q, "k": k, "positions": positions, "segments": segments}
    native = check(programs, artifact, tmp_path, "score", inputs, expected)
    for segment in set(segments.tolist()):
        assert native[segments == segment].sum() == pytest.approx(1, abs=1e-5)


def choose(name: str, scores: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """What stays, by sorting; of equal scores the one in front."""
    keep, rounding, first, last = POLICIES[name]
    kept: list[int] = []
    for segment in set(segments.tolist()):
        rows = np.flatnonzero(segments == segment)
        behind = max(len(rows) - last, first)
        others = rows[first:behind]
        count = ROUND[rounding](keep * len(others))
        order = sorted(others.tolist(), key=lambda row: (-float(scores[row]), row))
        kept += rows[:first].tolist() + order[:count] + rows[behind:].tolist()
    return np.array(sorted(kept), np.int64)


def through_model(x: np.ndarray, kept: np.ndarray, segments: np.ndarray, wanted: np.ndarray):
    """Attention among what stays, the linear layer, and means of segments."""
    expected = np.zeros((len(wanted), WIDTH))
    for row, segment in zip(expected, wanted, strict=True):
        members = x[kept[segments[kept] == segment]].astype(np.float64)
        if len(members) == 0:
            continue
        scores = SCALE * members @ members.T
        scores[np.triu_indices(len(members), 1)] = -np.inf
        attended = softmax(scores) @ members
        row[:] = 0.125 * attended.sum(1).mean()
    return expected


def choice_inputs(tokens: int, ties: bool) -> Arrays:
    rng = np.random.default_rng(tokens)
    scores = rng.normal(size=tokens).astype(np.float32)
    if ties:
        scores = np.round(scores).astype(np.float32) + np.float32(0)
    return {
        "x": (0.3 * rng.normal(size=(tokens, WIDTH))).astype(np.float32),
        "scores": scores,
        "segments": np.sort(rng.integers(0, 5, tokens)).astype(np.int32),
        "wanted": np.array([3, 0, 9, 1, 4, 2], np.int32),
    }


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("tokens", [0, 1, 5, 45, 197])
@pytest.mark.parametrize("name", POLICIES)
def test_select(
    name: str, tokens: int, ties: bool, programs: Programs, artifact: Artifact, tmp_path: Path
) -> None:
    """The chosen rows in all that follows, by segment."""
    inputs = choice_inputs(tokens, ties)
    kept = choose(name, inputs["scores"], inputs["segments"])
    expected = through_model(inputs["x"], kept, inputs["segments"], inputs["wanted"])
    native = check(programs, artifact, tmp_path, name, inputs, expected)
    # A segment's result does not depend on the others.
    for number, segment in enumerate(inputs["wanted"].tolist()):
        rows = inputs["segments"] == segment
        alone = {key: value[rows] for key, value in inputs.items() if key != "wanted"}
        alone["wanted"] = inputs["wanted"][number : number + 1]
        result = np.zeros((1, WIDTH), np.float32)
        with artifact.session(threads=2) as session:
            session.invoke(name, list(alone.values()), [result])
        np.testing.assert_array_equal(result[0], native[number])


@pytest.mark.parametrize("name", POLICIES)
def test_select_whole(name: str, programs: Programs, artifact: Artifact, tmp_path: Path) -> None:
    """Without segments, the choice is among all rows."""
    inputs = choice_inputs(197, ties=False)
    kept = choose(name, inputs["scores"], np.zeros(197, np.int32))
    if name == "evit":
        assert len(kept) == 139
    expected = through_model(inputs["x"], kept, inputs["segments"], inputs["wanted"])
    check(programs, artifact, tmp_path, f"{name}_whole", inputs, expected)


def test_special_scores(programs: Programs, artifact: Artifact, tmp_path: Path) -> None:
    """Scores in the order of IEEE 754, NaN with either sign among them; what is
    protected stays whatever its score is."""
    rising = np.array(
        [-np.nan, -np.inf, -1.5, -1e-45, -0.0, 0.0, 1e-45, 2.0, np.inf, np.nan], np.float32
    )
    rising[0] = np.copysign(np.float32(np.nan), np.float32(-1))
    scores = np.concatenate([[-np.inf, rising[0]], rising[::-1], rising[:1], [-np.inf] * 2])
    scores = scores.astype(np.float32)
    rng = np.random.default_rng(1)
    count = len(scores)
    inputs = {
        "x": (0.3 * rng.normal(size=(count, WIDTH))).astype(np.float32),
        "scores": scores,
        "segments": np.zeros(count, np.int32),
        "wanted": np.zeros(1, np.int32),
    }
    # few: two in front, three behind, and of ten others the largest, a NaN.
    kept = np.array([0, 1, 2, count - 3, count - 2, count - 1])
    expected = through_model(inputs["x"], kept, inputs["segments"], inputs["wanted"])
    check(programs, artifact, tmp_path, "few", inputs, expected)
    # half: -0 is below 0.
    inputs["scores"] = np.array([0, -0.0, 0, -0.0, -0.0, 0, 5, 5], np.float32)
    inputs = {k: v[:8] for k, v in inputs.items() if k != "wanted"} | {"wanted": inputs["wanted"]}
    kept = np.array([0, 2, 5, 6, 7])
    expected = through_model(inputs["x"], kept, inputs["segments"], inputs["wanted"])
    check(programs, artifact, tmp_path, "half", inputs, expected)
