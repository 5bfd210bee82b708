"""Ops that match, merge and fuse tokens, and put them back: the interpreter and native
code against formulas in NumPy."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from artifact import Artifact
from both_ways import argument
from interpreter import Call, interpret
from programs import Programs

KEY_HEADS, KEY_DIM, WIDTH = 3, 20, 37
FIRST, LAST = 1, 2

Arrays = dict[str, np.ndarray]


def program() -> str:
    """match[_whole], merge[_ones], fuse, restore: an op each, but for fuse, which is a
    choice, a merge and a mean of each wanted segment."""
    key = f"tensor<?x{KEY_HEADS}x{KEY_DIM}xf32>"
    ids, rows = "tensor<?xi32>", f"tensor<?x{WIDTH}xf32>"
    text = ""
    for name, segments in (("match", f" of %segments : {ids},"), ("match_whole", "")):
        text += f"""
func.func @{name}({argument("k", key, "T")}, {argument("segments", ids, "T")})
    -> ({ids} {{winnow.dims = ["T"]}}, tensor<?xf32> {{winnow.dims = ["T"]}})
    attributes {{winnow.entry}} {{
  %into, %scores = winnow.token_match %k{segments} {{first = {FIRST} : i64, last = {LAST} : i64}}
    : {key} -> {ids}, tensor<?xf32>
  return %into, %scores : {ids}, tensor<?xf32>
}}
"""
    for name, sizes in (("merge", " sizes(%sizes : tensor<?xf32>)"), ("merge_ones", "")):
        text += f"""
func.func @{name}({argument("x", rows, "T")}, {argument("sizes", "tensor<?xf32>", "T")},
    {argument("into", ids, "T")}, {argument("kept", ids, "R")})
    -> ({rows} {{winnow.dims = ["R"]}}, tensor<?xf32> {{winnow.dims = ["R"]}},
        {ids} {{winnow.dims = ["T"]}}) attributes {{winnow.entry}} {{
  %y, %n, %r = winnow.token_merge %x{sizes} into %into keep %kept
    : {rows}, {ids}, {ids} -> {rows}, tensor<?xf32>, {ids}
  return %y, %n, %r : {rows}, tensor<?xf32>, {ids}
}}
"""
    policy = "#winnow.token_policy<keep = 0.4 : f64, first = 1>"
    text += f"""
func.func @fuse({argument("x", rows, "T")}, {argument("scores", "tensor<?xf32>", "T")},
    {argument("segments", ids, "T")}, {argument("wanted", ids, "S")})
    -> ({ids} {{winnow.dims = ["T"]}}, tensor<?xf32> {{winnow.dims = ["T"]}},
        {ids} {{winnow.dims = ["T"]}}, {rows} {{winnow.dims = ["S"]}})
    attributes {{winnow.entry}} {{
  %kept, %into, %weights = winnow.token_select %scores of %segments : {ids}, {{policy = {policy}}}
    : tensor<?xf32> -> {ids} into {ids}, weights tensor<?xf32>
  %y, %n, %r = winnow.token_merge %x sizes(%weights : tensor<?xf32>) into %into keep %kept {{sum}}
    : {rows}, {ids}, {ids} -> {rows}, tensor<?xf32>, {ids}
  %s = winnow.token_gather %segments[%kept] : {ids}, {ids} -> {ids}
  %m = winnow.token_pool mean %y of %s for %wanted : {rows}, {ids}, {ids} -> {rows}
  return %into, %weights, %r, %m : {ids}, tensor<?xf32>, {ids}, {rows}
}}
func.func @restore({argument("x", rows, "R")}, {argument("kept", ids, "R")},
    {argument("base", rows, "T")})
    -> ({rows} {{winnow.dims = ["T"]}}) attributes {{winnow.entry}} {{
  %y = winnow.token_restore %x[%kept] over %base : {rows}, {ids}, {rows}
  return %y : {rows}
}}
"""
    return text


@pytest.fixture(scope="module")
def artifact(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("token_merging")
    with Artifact(programs.compile_text(program(), folder)) as opened:
        yield opened


def run_all(
    programs: Programs,
    artifact: Artifact,
    folder: Path,
    name: str,
    inputs: Arrays,
    expected: list[np.ndarray],
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """All results of the interpreter and of native code, which has the same bits
    on 1 and 3 threads."""
    call = Call(name, inputs)
    interpreted = interpret(programs.directory / "winnow-opt", program(), [call], folder)[0]
    natives = []
    for threads in (1, 3):
        natives.append([np.full_like(array, 7) for array in expected])
        with artifact.session(threads=threads) as session:
            session.invoke(name, list(inputs.values()), natives[-1])
    for one, other in zip(*natives, strict=True):
        np.testing.assert_array_equal(one, other)
    return interpreted, natives[0]


def match(keys: np.ndarray, segments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ToMe's bipartite matching, segment by segment."""
    mean = keys.astype(np.float64).mean(1)
    units = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
    into = np.arange(len(keys), dtype=np.int32)
    scores = np.full(len(keys), np.inf, np.float32)
    for segment in set(segments.tolist()):
        rows = np.flatnonzero(segments == segment)
        numbered = [(n, row) for n, row in enumerate(rows) if FIRST <= n < len(rows) - LAST]
        destinations = np.array([row for n, row in numbered if n % 2], np.int64)
        for number, row in numbered:
            if number % 2 == 0 and len(destinations):
                products = units[destinations] @ units[row]
                into[row] = destinations[products.argmax()]
                scores[row] = -products.max()
    return into, scores


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("tokens", [0, 1, 4, 60, 197])
def test_match(
    tokens: int, whole: bool, programs: Programs, artifact: Artifact, tmp_path: Path
) -> None:
    rng = np.random.default_rng(tokens)
    keys = rng.normal(size=(tokens, KEY_HEADS, KEY_DIM)).astype(np.float32)
    if tokens > 4:
        # A token that is two others, and one without a direction.
        keys[5] = keys[8] = keys[2]
        keys[6] = 0
    segments = np.sort(rng.integers(0, 4, tokens)).astype(np.int32)
    expected = match(keys, 0 * segments if whole else segments)
    inputs = {"k": keys, "segments": segments}
    name = "match_whole" if whole else "match"
    for into, scores in run_all(programs, artifact, tmp_path, name, inputs, list(expected)):
        np.testing.assert_array_equal(into, expected[0])
        np.testing.assert_allclose(scores, expected[1], atol=1e-5)


@pytest.mark.parametrize("ones", [False, True])
@pytest.mark.parametrize("tokens", [0, 1, 5, 64, 197])
def test_merge(
    tokens: int, ones: bool, programs: Programs, artifact: Artifact, tmp_path: Path
) -> None:
    """Means of groups, their sizes, and where each token is."""
    rng = np.random.default_rng(tokens)
    stays = rng.random(tokens) < 0.6
    if tokens:
        stays[-1] = True
    kept = np.flatnonzero(stays).astype(np.int32)
    into = rng.choice(kept, tokens).astype(np.int32) if tokens else np.zeros(0, np.int32)
    inputs = {
        "x": rng.normal(size=(tokens, WIDTH)).astype(np.float32),
        "sizes": rng.integers(1, 6, tokens).astype(np.float32),
        "into": into,
        "kept": kept,
    }
    where = np.where(stays, np.arange(tokens), into)
    rows = np.searchsorted(kept, where).astype(np.int32)
    sizes = np.ones(tokens) if ones else inputs["sizes"].astype(np.float64)
    groups = (rows[None] == np.arange(len(kept))[:, None]) * sizes
    means = groups @ inputs["x"].astype(np.float64) / groups.sum(1, keepdims=True)
    expected = [means.astype(np.float32), groups.sum(1).astype(np.float32), rows]
    name = "merge_ones" if ones else "merge"
    for found in run_all(programs, artifact, tmp_path, name, inputs, expected):
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(found[1], expected[1])
        np.testing.assert_array_equal(found[2], expected[2])


@pytest.mark.parametrize("tokens", [0, 1, 5, 64, 197])
def test_fuse(tokens: int, programs: Programs, artifact: Artifact, tmp_path: Path) -> None:
    """What leaves a segment becomes one row, their sum weighted by scores."""
    rng = np.random.default_rng(tokens)
    x = rng.normal(size=(tokens, WIDTH)).astype(np.float32)
    scores = np.round(rng.random(tokens), 2).astype(np.float32)
    # Segments whose rows are not neighbours.
    segments = rng.integers(0, 4, tokens).astype(np.int32)
    wanted = np.array([3, 0, 2], np.int32)
    into, weights = np.arange(tokens, dtype=np.int32), np.ones(tokens, np.float32)
    means = np.zeros((4, WIDTH))
    stays = np.ones(tokens, bool)
    for segment in set(segments.tolist()):
        rows = np.flatnonzero(segments == segment)
        order = sorted(rows[1:].tolist(), key=lambda row: (-scores[row], row))
        count = math.ceil(0.4 * len(order))
        leaving = order[count:]
        left = [x[row].astype(np.float64) for row in (rows[0], *order[:count])]
        if leaving:
            into[leaving], weights[leaving] = leaving[0], scores[leaving]
            stays[leaving[1:]] = False
            left.append(scores[leaving].astype(np.float64) @ x[leaving])
        means[segment] = np.mean(left, 0)
    where = np.searchsorted(np.flatnonzero(stays), into).astype(np.int32)
    inputs = {"x": x, "scores": scores, "segments": segments, "wanted": wanted}
    expected = [into, weights, where, means[wanted].astype(np.float32)]
    for found in run_all(programs, artifact, tmp_path, "fuse", inputs, expected):
        for array, right in zip(found[:3], expected[:3], strict=True):
            np.testing.assert_array_equal(array, right)
        np.testing.assert_allclose(found[3], expected[3], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("tokens", "left"), [(0, 0), (3, 0), (1, 1), (64, 31), (65, 64), (9, 9)])
def test_restore(
    tokens: int, left: int, programs: Programs, artifact: Artifact, tmp_path: Path
) -> None:
    rng = np.random.default_rng(tokens)
    kept = np.sort(rng.permutation(tokens)[:left]).astype(np.int32)
    base = rng.normal(size=(tokens, WIDTH)).astype(np.float32)
    rows = rng.normal(size=(left, WIDTH)).astype(np.float32)
    expected = base.copy()
    expected[kept] = rows
    inputs = {"x": rows, "kept": kept, "base": base}
    for [found] in run_all(programs, artifact, tmp_path, "restore", inputs, [expected]):
        np.testing.assert_array_equal(found, expected)
