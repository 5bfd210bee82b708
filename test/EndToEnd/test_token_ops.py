"""Ops that make, join and pool tokens, and attention with a relative bias: the
interpreter and native code against formulas in NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from artifact import Artifact
from both_ways import argument, run_both_ways
from interpreter import Call
from programs import Programs

DISTANCES = (1, 2, 3, 5, 9)
HEADS, KEY_DIM, VALUE_DIM, WIDTH = 3, 20, 5, 37

Arrays = dict[str, np.ndarray]


def entry(name: str, arguments: list[str], result: str, body: str, dims: str = "") -> str:
    attributes = f"{{winnow.dims = [{dims}]}}" if dims else ""
    return f"""
func.func @{name}({", ".join(arguments)}) -> ({result} {attributes}) attributes {{winnow.entry}} {{
  {body}
  return %y : {result}
}}
"""


def pool(kind: str, weighted: bool = False) -> str:
    arguments = [
        argument("x", f"tensor<?x{WIDTH}xf32>", "T"),
        argument("segments", "tensor<?xi32>", "T"),
        argument("wanted", "tensor<?xi32>", "S"),
    ]
    weights = ""
    if weighted:
        arguments.append(argument("weights", "tensor<?xf32>", "T"))
        weights = " weights(%weights : tensor<?xf32>)"
    body = (
        f"%y = winnow.token_pool {kind} %x of %segments for %wanted{weights} :"
        f" tensor<?x{WIDTH}xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x{WIDTH}xf32>"
    )
    name = f"pool_{kind}" + ("_weighted" if weighted else "")
    return entry(name, arguments, f"tensor<?x{WIDTH}xf32>", body, '"S"')


def program() -> str:
    heads = [
        argument("q", f"tensor<?x{HEADS}x{KEY_DIM}xf32>", "T"),
        argument("k", f"tensor<?x{HEADS}x{KEY_DIM}xf32>", "T"),
        argument("v", f"tensor<?x{HEADS}x{VALUE_DIM}xf32>", "T"),
        argument("positions", "tensor<?xi32>", "T"),
        argument("segments", "tensor<?xi32>", "T"),
        argument("bias", f"tensor<{2 * len(DISTANCES) + 2}x{HEADS}xf32>"),
    ]
    types = [line.split(": ")[1].split(" {")[0] for line in heads]
    attention = (
        "%y = winnow.attention query(%q, %positions, %segments) key(%k, %positions, %segments)"
        f" value(%v) relative(%bias : {types[5]})"
        " {mask = #winnow.mask<full>, scale = 0.25 : f32,"
        f" distances = array<i64: {', '.join(map(str, DISTANCES))}>}}"
        f" : {types[0]}, {types[1]}, {types[2]}, {types[3]}, {types[3]}, {types[4]}, {types[4]}"
        f" -> tensor<?x{HEADS}x{VALUE_DIM}xf32>"
    )
    embed_image = """%p = winnow.image_patches %image {size = 3 : i64}
    : tensor<2x6x9xf32> -> tensor<6x18xf32>
  %all = tensor.concat dim(0) %first, %p, %first
    : (tensor<2x18xf32>, tensor<6x18xf32>, tensor<2x18xf32>) -> tensor<10x18xf32>
  %chosen = arith.constant dense<[7, 0, 3]> : tensor<3xi32>
  %rows = winnow.token_gather %all[%chosen] : tensor<10x18xf32>, tensor<3xi32> -> tensor<3x18xf32>
  %y = tensor.concat dim(0) %rows, %all
    : (tensor<3x18xf32>, tensor<10x18xf32>) -> tensor<13x18xf32>"""
    return "".join(
        [
            *(pool(kind) for kind in ("mean", "max", "first", "last")),
            pool("mean", weighted=True),
            entry("attend", heads, f"tensor<?x{HEADS}x{VALUE_DIM}xf32>", attention, '"T"'),
            entry(
                "image",
                [argument("image", "tensor<2x6x9xf32>"), argument("first", "tensor<2x18xf32>")],
                "tensor<13x18xf32>",
                embed_image,
            ),
        ]
    )


@pytest.fixture(scope="module")
def artifact(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("token_ops")
    with Artifact(programs.compile_text(program(), folder)) as opened:
        yield opened


def check(
    programs: Programs,
    artifact: Artifact,
    folder: Path,
    name: str,
    inputs: Arrays,
    expected: np.ndarray,
    tolerance: float,
) -> None:
    """Compares both ways to run an entry point with `expected`."""
    call = Call(name, inputs)
    interpreted, results = run_both_ways(
        programs, artifact, program(), call, expected.shape, (1, 2), folder
    )
    np.testing.assert_allclose(interpreted, expected, rtol=1e-6, atol=1e-6)
    for native in results:
        np.testing.assert_allclose(native, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("kind", ["mean", "max", "first", "last", "mean_weighted"])
@pytest.mark.parametrize("rows", [0, 1, 45])
def test_pool(kind: str, rows: int, programs: Programs, artifact: Artifact, tmp_path: Path) -> None:
    rng = np.random.default_rng(rows)
    x = rng.normal(size=(rows, WIDTH)).astype(np.float32)
    segments = rng.integers(0, 5, rows).astype(np.int32)
    wanted = np.array([4, 0, 9, 2, 4, 1, 3, -1, 0, 2, 1], np.int32)
    weights = rng.uniform(0.5, 3, rows).astype(np.float32)
    expected = np.zeros((len(wanted), WIDTH))
    for row, segment in zip(expected, wanted, strict=True):
        members = x[segments == segment].astype(np.float64)
        if len(members) == 0:
            continue
        if kind == "mean_weighted":
            row[:] = np.average(members, axis=0, weights=weights[segments == segment])
        else:
            reduced = {
                "mean": members.mean(0),
                "max": members.max(0),
                "first": members[0],
                "last": members[-1],
            }
            row[:] = reduced[kind]
    inputs = {"x": x, "segments": segments, "wanted": wanted}
    if kind == "mean_weighted":
        inputs["weights"] = weights
    check(programs, artifact, tmp_path, f"pool_{kind}", inputs, expected, 5e-6)


@pytest.mark.parametrize("tokens", [1, 3, 40, 300])
def test_relative_bias(tokens: int, programs: Programs, artifact: Artifact, tmp_path: Path) -> None:
    rng = np.random.default_rng(tokens)
    q, k = rng.normal(size=(2, tokens, HEADS, KEY_DIM)).astype(np.float32)
    v = rng.normal(size=(tokens, HEADS, VALUE_DIM)).astype(np.float32)
    positions = rng.integers(0, 30, tokens).astype(np.int32)
    segments = rng.integers(0, 3, tokens).astype(np.int32)
    bias = rng.normal(size=(2 * len(DISTANCES) + 2, HEADS)).astype(np.float32)

    offset = positions[None, :].astype(np.int64) - positions[:, None]
    bucket = np.searchsorted(DISTANCES, np.abs(offset), side="right")
    bucket += np.where(offset > 0, len(DISTANCES) + 1, 0)
    scores = 0.25 * np.einsum("ihc,jhc->hij", *(a.astype(np.float64) for a in (q, k)))
    scores += bias[bucket].transpose(2, 0, 1)
    scores[:, segments[:, None] != segments[None, :]] = -np.inf
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    expected = np.einsum("hij,jhc->ihc", weights, v)
    inputs = {"q": q, "k": k, "v": v, "positions": positions, "segments": segments, "bias": bias}
    check(programs, artifact, tmp_path, "attend", inputs, expected, 1e-5)


def test_image(programs: Programs, artifact: Artifact, tmp_path: Path) -> None:
    """Patches, rows in front of them and behind, and a constant tensor."""
    rng = np.random.default_rng(0)
    image = rng.normal(size=(2, 6, 9)).astype(np.float32)
    first = rng.normal(size=(2, 18)).astype(np.float32)
    patches = image.reshape(2, 2, 3, 3, 3).transpose(1, 3, 0, 2, 4).reshape(6, 18)
    rows = np.concatenate([first, patches, first])
    expected = np.concatenate([rows[[7, 0, 3]], rows])
    inputs = {"image": image, "first": first}
    check(programs, artifact, tmp_path, "image", inputs, expected, 0)
