"""Ops that score and choose tokens: the interpreter and native code, whose rows
are counted when it runs, against formulas in NumPy."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from artifact import Artifact
from both_ways import argument, run_both_ways
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
    # The least score that stays.
    "least": (0.25, "least", 0, 0),
    "least_ends": (1.0, "least", 2, 1),
    "least_none": (50.0, "least", 0, 0),
    "positive": (0.0, "least", 0, 0),
}
ROUND = {"up": math.ceil, "down": math.floor, "even": round}


def program() -> str:
    """score: scores of tokens. POLICY[_whole]: what stays goes through an
    attention of its own, a linear layer and a mean for each wanted segment."""
    query, key = f"tensor<?x{HEADS}x{KEY_DIM}xf32>", f"tensor<?x{KEY_HEADS}x{KEY_DIM}xf32>"
    ids, rows = "tensor<?xi32>", f"tensor<?x{WIDTH}xf32>"
    wide = f"tensor<?x1x{WIDTH}xf32>"
    text = ""
    for name, last in (("score", ""), ("score_last", ", last")):
        text += f"""
func.func @{name}({argument("q", query, "T")}, {argument("k", key, "T")},
    {argument("positions", ids, "T")}, {argument("segments", ids, "T")})
    -> (tensor<?xf32> {{winnow.dims = ["T"]}}) attributes {{winnow.entry}} {{
  %o, %lse = winnow.attention query(%q, %positions, %segments) key(%k, %positions, %segments)
    value(%k) {{mask = #winnow.mask<full>, scale = {SCALE} : f32}}
    : {query}, {key}, {key}, {ids}, {ids}, {ids}, {ids} -> {query} lse tensor<?x{HEADS}xf32>
  %y = winnow.token_score %q, %k, %lse of %segments : {ids}, {{scale = {SCALE} : f32{last}}}
    : {query}, {key}, tensor<?x{HEADS}xf32> -> tensor<?xf32>
  return %y : tensor<?xf32>
}}
"""
        text += f"""
func.func @{name}_alone({argument("q", query, "T")}, {argument("k", key, "T")},
    {argument("segments", ids, "T")})
    -> (tensor<?xf32> {{winnow.dims = ["T"]}}) attributes {{winnow.entry}} {{
  %y = winnow.token_score %q, %k of %segments : {ids}, {{scale = {SCALE} : f32{last}}}
    : {query}, {key} -> tensor<?xf32>
  return %y : tensor<?xf32>
}}
"""
    text += f"""
func.func @biased({argument("q", query, "T")}, {argument("k", key, "T")},
    {argument("positions", ids, "T")}, {argument("segments", ids, "T")},
    {argument("bias", "tensor<?xf32>", "T")},
    %table: tensor<6x{HEADS}xf32> {{winnow.name = "table"}})
    -> (tensor<?xf32> {{winnow.dims = ["T"]}}) attributes {{winnow.entry}} {{
  %o, %lse = winnow.attention query(%q, %positions, %segments) key(%k, %positions, %segments)
    value(%k) bias(%bias : tensor<?xf32>) relative(%table : tensor<6x{HEADS}xf32>)
    {{mask = #winnow.mask<full>, scale = {SCALE} : f32, distances = array<i64: 1, 4>}}
    : {query}, {key}, {key}, {ids}, {ids}, {ids}, {ids} -> {query} lse tensor<?x{HEADS}xf32>
  %y = winnow.token_score %q, %k, %lse of %segments : {ids}, bias(%bias : tensor<?xf32>)
    at %positions : {ids}, relative(%table : tensor<6x{HEADS}xf32>)
    {{scale = {SCALE} : f32, distances = array<i64: 1, 4>}}
    : {query}, {key}, tensor<?x{HEADS}xf32> -> tensor<?xf32>
  return %y : tensor<?xf32>
}}
"""
    for name, (keep, rounding, first, last) in POLICIES.items():
        budget = f"keep = {keep} : f64, rounding = {rounding}"
        if rounding == "least":
            budget = f"least = {keep} : f32"
        policy = f"#winnow.token_policy<{budget}, first = {first}, last = {last}>"
        for kind in ("", "_whole", "_among"):
            segments = "" if kind == "_whole" else f" of %segments : {ids},"
            among = f" among %prunable : {ids}," if kind == "_among" else ""
            marks = f"{argument('prunable', ids, 'T')}, " if kind == "_among" else ""
            text += f"""
func.func @{name}{kind}({marks}{argument("x", rows, "T")},
    {argument("scores", "tensor<?xf32>", "T")}, {argument("segments", ids, "T")},
    {argument("wanted", ids, "S")})
    -> ({rows} {{winnow.dims = ["S"]}}) attributes {{winnow.entry}} {{
  %kept = winnow.token_select %scores{segments}{among} {{policy = {policy}}}
    : tensor<?xf32> -> {ids}
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
    for kind in ("cosine", "norm"):
        text += f"""
func.func @change_{kind}({argument("x", rows, "T")}, {argument("y", rows, "T")})
    -> (tensor<?xf32> {{winnow.dims = ["T"]}}) attributes {{winnow.entry}} {{
  %c = winnow.token_change {kind} %x, %y : {rows} -> tensor<?xf32>
  return %c : tensor<?xf32>
}}
"""
    text += f"""
func.func @weighted({argument("q", query, "T")}, {argument("k", key, "T")},
    {argument("positions", ids, "T")}, {argument("segments", ids, "T")},
    {argument("bias", "tensor<?xf32>", "T")})
    -> ({query} {{winnow.dims = ["T"]}}) attributes {{winnow.entry}} {{
  %o = winnow.attention query(%q, %positions, %segments) key(%k, %positions, %segments)
    value(%k) bias(%bias : tensor<?xf32>) {{mask = #winnow.mask<full>, scale = {SCALE} : f32}}
    : {query}, {key}, {key}, {ids}, {ids}, {ids}, {ids} -> {query}
  return %o : {query}
}}
func.func @weighted_whole({argument("q", query, "T")}, {argument("k", key, "S")},
    {argument("at", ids, "T")}, {argument("positions", ids, "S")},
    {argument("bias", "tensor<?xf32>", "S")})
    -> ({query} {{winnow.dims = ["T"]}}) attributes {{winnow.entry}} {{
  %o = winnow.attention query(%q, %at) key(%k, %positions)
    value(%k) bias(%bias : tensor<?xf32>) {{mask = #winnow.mask<causal>, scale = {SCALE} : f32}}
    : {query}, {key}, {key}, {ids}, {ids} -> {query}
  return %o : {query}
}}
"""
    return f"winnow.param @w from {{splat = 0.125 : f32}} : tensor<{WIDTH}x{WIDTH}xf32>\n" + text


@pytest.fixture(scope="module")
def artifact(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("token_pruning")
    with Artifact(programs.compile_text(program(), folder)) as opened:
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


def score_rows(q: np.ndarray, k: np.ndarray, segments: np.ndarray, last: bool) -> np.ndarray:
    """The attention row of the first, or last, token of each segment."""
    expected = np.zeros(len(q))
    repeated = np.repeat(k.astype(np.float64), HEADS // KEY_HEADS, axis=1)
    for segment in set(segments.tolist()):
        rows = np.flatnonzero(segments == segment)
        query = q[rows[-1 if last else 0]].astype(np.float64)
        scores = SCALE * np.einsum("hc,jhc->hj", query, repeated[rows])
        expected[rows] = softmax(scores).mean(0)
    return expected


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("tokens", [0, 1, 19, 300])
def test_score(
    tokens: int, last: bool, programs: Programs, artifact: Artifact, tmp_path: Path
) -> None:
    """The attention row of the first, or last, token of each segment, with explicit
    P."""
    rng = np.random.default_rng(tokens)
    q = rng.normal(size=(tokens, HEADS, KEY_DIM)).astype(np.float32)
    k = rng.normal(size=(tokens, KEY_HEADS, KEY_DIM)).astype(np.float32)
    positions = np.arange(tokens, dtype=np.int32)
    segments = np.sort(rng.integers(0, 4, tokens)).astype(np.int32)
    expected = score_rows(q, k, segments, last)
    inputs = {"q": q, "k": k, "positions": positions, "segments": segments}
    name = "score_last" if last else "score"
    native = check(programs, artifact, tmp_path, name, inputs, expected)
    for segment in set(segments.tolist()):
        assert native[segments == segment].sum() == pytest.approx(1, abs=1e-5)
    # The softmax of an attention that is not there; rows need not be neighbours.
    (tmp_path / "alone").mkdir()
    del inputs["positions"]
    order = np.argsort(np.arange(tokens) % 3, kind="stable")
    expected = score_rows(q[order], k[order], segments[order], last)
    inputs = {name: array[order] for name, array in inputs.items()}
    check(programs, artifact, tmp_path / "alone", f"{name}_alone", inputs, expected)


@pytest.mark.parametrize("tokens", [1, 40, 150])
def test_score_with_biases(
    tokens: int, programs: Programs, artifact: Artifact, tmp_path: Path
) -> None:
    """A bias of keys and T5's bias of distances 0, 1 to 3 and from 4 on."""
    rng = np.random.default_rng(tokens)
    inputs = {
        "q": rng.normal(size=(tokens, HEADS, KEY_DIM)).astype(np.float32),
        "k": rng.normal(size=(tokens, KEY_HEADS, KEY_DIM)).astype(np.float32),
        "positions": rng.permutation(tokens).astype(np.int32),
        "segments": np.sort(rng.integers(0, 3, tokens)).astype(np.int32),
        "bias": rng.normal(size=tokens).astype(np.float32),
        "table": rng.normal(size=(6, HEADS)).astype(np.float32),
    }
    expected = np.zeros(tokens)
    repeated = np.repeat(inputs["k"].astype(np.float64), HEADS // KEY_HEADS, axis=1)
    for segment in set(inputs["segments"].tolist()):
        rows = np.flatnonzero(inputs["segments"] == segment)
        query = inputs["q"][rows[0]].astype(np.float64)
        offsets = inputs["positions"][rows] - inputs["positions"][rows[0]]
        buckets = (abs(offsets) >= 1) * 1 + (abs(offsets) >= 4) + 3 * (offsets > 0)
        scores = SCALE * np.einsum("hc,jhc->hj", query, repeated[rows])
        scores += inputs["bias"][rows] + inputs["table"][buckets].T
        expected[rows] = softmax(scores).mean(0)
    native = check(programs, artifact, tmp_path, "biased", inputs, expected)
    for segment in set(inputs["segments"].tolist()):
        assert native[inputs["segments"] == segment].sum() == pytest.approx(1, abs=1e-5)


def choose(
    name: str, scores: np.ndarray, segments: np.ndarray, prunable: np.ndarray | None = None
) -> np.ndarray:
    """What stays, by sorting; of equal scores the one in front."""
    keep, rounding, first, last = POLICIES[name]
    kept: list[int] = []
    for segment in set(segments.tolist()):
        rows = np.flatnonzero(segments == segment)
        behind = max(len(rows) - last, first)
        others = rows[first:behind]
        if prunable is not None:
            kept += others[prunable[others] == 0].tolist()
            others = others[prunable[others] != 0]
        if rounding == "least":
            count = int((scores[others] >= keep).sum())
        else:
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


@pytest.mark.parametrize("tokens", [1, 8, 60, 197])
@pytest.mark.parametrize("name", POLICIES)
def test_select_among(
    name: str, tokens: int, programs: Programs, artifact: Artifact, tmp_path: Path
) -> None:
    """Marked tokens are chosen among; the others stay and do not count."""
    inputs = choice_inputs(tokens, ties=True)
    marks = np.random.default_rng(tokens).integers(0, 3, tokens).astype(np.int32)
    kept = choose(name, inputs["scores"], inputs["segments"], marks)
    expected = through_model(inputs["x"], kept, inputs["segments"], inputs["wanted"])
    check(programs, artifact, tmp_path, f"{name}_among", {"prunable": marks} | inputs, expected)


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
    # positive: neither -0 nor a NaN is below 0.
    inputs["scores"] = np.array(
        [-1e-45, -0.0, 0, -np.inf, np.inf, np.nan, rising[0], -2], np.float32
    )
    kept = np.array([1, 2, 4, 5, 6])
    expected = through_model(inputs["x"], kept, inputs["segments"], inputs["wanted"])
    check(programs, artifact, tmp_path, "positive", inputs, expected)


@pytest.mark.parametrize("kind", ["cosine", "norm"])
@pytest.mark.parametrize("tokens", [0, 1, 50])
def test_change(
    kind: str, tokens: int, programs: Programs, artifact: Artifact, tmp_path: Path
) -> None:
    """How much rows have changed; rows of zeros, and equal ones, among them."""
    rng = np.random.default_rng(tokens)
    x = rng.normal(size=(tokens, WIDTH)).astype(np.float32)
    y = (x + 0.1 * rng.normal(size=x.shape)).astype(np.float32)
    if tokens > 4:
        x[1] = y[1] = x[2] = y[3] = 0
        y[4] = x[4]
    a, b = x.astype(np.float64), y.astype(np.float64)
    lengths = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "norm":
            expected = np.linalg.norm(b - a, axis=1) / lengths[0]
        else:
            expected = 1 - (a * b).sum(1) / (lengths[0] * lengths[1])
            expected[np.isnan(expected)] = 1
    expected[(lengths[0] == 0) & (lengths[1] == 0)] = 0
    if tokens > 4:
        edges = {"cosine": [0, 1, 1], "norm": [0, np.inf, 1]}
        np.testing.assert_array_equal(expected[1:4], edges[kind])
    found = check(programs, artifact, tmp_path, f"change_{kind}", {"x": x, "y": y}, expected)
    if tokens > 4 and kind == "norm":
        assert found[4] == 0


@pytest.mark.parametrize("tokens", [1, 40, 300])
def test_bias_of_keys(tokens: int, programs: Programs, artifact: Artifact, tmp_path: Path) -> None:
    """A key with the bias ln n is as good as n keys; with segments, each is as if
    it were alone."""
    rng = np.random.default_rng(tokens)
    q = rng.normal(size=(tokens, HEADS, KEY_DIM)).astype(np.float32)
    k = rng.normal(size=(tokens, KEY_HEADS, KEY_DIM)).astype(np.float32)
    sizes = rng.integers(1, 5, tokens)
    bias = np.log(sizes).astype(np.float32)
    positions = np.arange(tokens, dtype=np.int32)
    segments = np.sort(rng.integers(0, 4, tokens)).astype(np.int32)

    def attend(visible: np.ndarray) -> np.ndarray:
        repeated = np.repeat(k.astype(np.float64), HEADS // KEY_HEADS, axis=1)
        many = np.repeat(repeated, sizes, axis=0)
        scores = SCALE * np.einsum("ihc,jhc->hij", q.astype(np.float64), many)
        scores[:, ~np.repeat(visible, sizes, axis=1)] = -np.inf
        return np.einsum("hij,jhc->ihc", softmax(scores), many)

    inputs = {"q": q, "k": k, "positions": positions, "segments": segments, "bias": bias}
    expected = attend(segments[:, None] == segments[None])
    native = check(programs, artifact, tmp_path, "weighted", inputs, expected)
    for segment in set(segments.tolist()):
        rows = segments == segment
        alone = np.zeros((int(rows.sum()), HEADS, KEY_DIM), np.float32)
        with artifact.session(threads=2) as session:
            session.invoke("weighted", [value[rows] for value in inputs.values()], [alone])
        np.testing.assert_array_equal(alone, native[rows])
    whole = {"q": q, "k": k, "at": positions, "positions": positions, "bias": bias}
    (tmp_path / "whole").mkdir()
    expected = attend(positions[:, None] >= positions[None])
    check(programs, artifact, tmp_path / "whole", "weighted_whole", whole, expected)
