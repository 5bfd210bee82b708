"""`winnow-low-rank{method=eora}`: no product of two narrow matrices is closer, by the
singular values that NumPy finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from artifact import Artifact
from both_ways import run_both_ways
from calibration import calibrate
from conftest import Tiny
from evaluation import TEXT
from interpreted_model import interpret_model
from interpreter import Call, arguments_of, recode
from programs import Artifacts, Programs, recipe
from test_awq import matrix_text
from test_offline_weights import random_param


def program(rows: int, width: int, gram: np.ndarray) -> str:
    matrix = f"tensor<{rows}x{width}xf32>"
    return f"""module attributes {{winnow.statistics = {{model = "", tokens = 9 : i64,
    readers = {{}}, values = {{"gram.mean/w" = {matrix_text(gram)}}}}}}} {{
winnow.param @w from {{random = 3 : i64}} : {matrix}
func.func @f(%x: tensor<?x{width}xf32> {{winnow.name = "x", winnow.dims = ["T"]}})
    -> (tensor<?x{rows}xf32> {{winnow.dims = ["T"]}}) attributes {{winnow.entry}} {{
  %w = winnow.use @w : {matrix}
  %y = winnow.linear %x, %w : tensor<?x{width}xf32>, {matrix} -> tensor<?x{rows}xf32>
  return %y : tensor<?x{rows}xf32>
}}
}}
"""


def gram_of(kind: str, width: int) -> np.ndarray:
    """Of inputs that go together, of some that leave directions out, or of noise."""
    random = np.random.default_rng(1)
    if kind == "unit":
        return np.eye(width, dtype=np.float32)
    count = width // 2 if kind == "singular" else 4 * width
    x = random.normal(size=(count, width)) * np.exp(random.normal(0, 1, width))
    x = x @ (np.eye(width) + 0.2 * random.normal(size=(width, width)))
    return (x.T @ x / count).astype(np.float32)


def weighted(lost: np.ndarray, gram: np.ndarray) -> float:
    """The error of products: tr(E H Eᵀ)."""
    return float(np.einsum("nk,kj,nj->", lost, gram.astype(np.float64), lost))


@pytest.mark.parametrize("shape", [(24, 64), (80, 32)])
@pytest.mark.parametrize("kind", ["correlated", "singular", "unit"])
def test_no_factors_are_closer(
    kind: str, shape: tuple[int, int], programs: Programs, tmp_path: Path
) -> None:
    rows, width = shape
    gram = gram_of(kind, width)
    module = tmp_path / "program.mlir"
    module.write_text(program(rows, width, gram))
    weights = random_param(3, rows * width).reshape(rows, width)
    winnow_opt = programs.directory / "winnow-opt"
    stored = recode(winnow_opt, tmp_path / "recode", weights, ["q4_0"])["q4_0"]
    lost = (weights - stored).astype(np.float64)
    values, vectors = np.linalg.eigh(gram.astype(np.float64))
    root = vectors * np.sqrt(np.maximum(values, 0))
    singular = np.linalg.svd(lost @ root, compute_uv=False)

    for rank in (1, 4, 1000):
        kept = min(rank, rows, width)
        text = f"winnow-quantize-weights{{format=q4_0}}\nwinnow-low-rank{{rank={rank}}}"
        options = (recipe(tmp_path, text), "--activations=f32")
        name = programs.compile(module, tmp_path / f"rank{rank}", *options)
        compressed = programs.compile(module, tmp_path / "ir.mlir", *options, "--emit=compressed")
        assert f"winnow.linear %arg0, %{'w.low_rank_a'}" in compressed.read_text()
        # A row for each column of the weight.
        interpreted, results = run_both_ways(
            programs,
            Artifact(name),
            compressed.read_text(),
            Call("f", {"x": np.eye(width, dtype=np.float32)}),
            (width, rows),
            [1, 2],
            tmp_path / f"interpreted{rank}",
        )
        np.testing.assert_array_equal(results[0], results[1])
        assert np.abs(results[0] - interpreted).max() <= 1e-6
        error = weighted(interpreted.T - weights.astype(np.float64), gram)
        least = float((singular[kept:] ** 2).sum())
        whole = float((singular**2).sum())
        assert abs(error - least) <= 1e-5 * whole
        if kind == "unit" and rank == 1000:
            assert np.abs(interpreted.T - weights).max() <= 1e-6
        # Factors that are closest in the numbers themselves lose more of products.
        left, sizes, right = np.linalg.svd(lost)
        plain = (left[:, :kept] * sizes[:kept]) @ right[:kept]
        assert error <= weighted(lost - plain, gram) + 1e-5 * whole


@pytest.mark.parametrize("tiny", ["llama-blocks-96"], indirect=True)
def test_decoder(tiny: Tiny, programs: Programs, tmp_path: Path) -> None:
    """Closer to the model than its codes alone, and as the interpreter has it."""
    text = tmp_path / "text.txt"
    text.write_text(TEXT * 3)
    statistics = calibrate(programs, tiny.path, tmp_path / "statistics", text, "--observe=gram")
    quantize = 'winnow-quantize-weights{format=q4_0 only="blk"}'
    ids = tiny.model.token_ids()[:9]
    given = (f"--statistics={statistics}", "--activations=f32")
    logits = {}
    for rank in (0, 8, 32):
        lines = f"{quantize}\nwinnow-low-rank{{rank={rank}}}"
        options = (recipe(tmp_path, lines), *given)
        name = programs.compile(tiny.path, tmp_path / f"rank{rank}", *options)
        logits[rank] = programs.logits(name, ids, tmp_path / "logits.npy")
    [[expected]] = interpret_model(
        programs,
        tiny.path,
        [Call("forward", arguments_of(ids))],
        tmp_path,
        (*options, "--emit=compressed"),
    )
    assert np.abs(logits[32] - expected).max() <= 1e-4 * np.abs(expected).max()
    whole = programs.compile(tiny.path, tmp_path / "whole", "--activations=f32")
    wanted = programs.logits(whole, ids, tmp_path / "whole.npy")
    errors = {rank: np.linalg.norm(found - wanted) for rank, found in logits.items()}
    assert errors[32] < errors[8] < 0.95 * errors[0], errors


@pytest.mark.parametrize("tiny", ["llama-blocks-96"], indirect=True)
def test_rank_0_is_the_identity(
    tiny: Tiny, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    text = tmp_path / "text.txt"
    text.write_text(TEXT)
    statistics = calibrate(programs, tiny.path, tmp_path / "statistics", text, "--observe=gram")
    given = f"--statistics={statistics}"

    def files_of(lines: str) -> list[bytes]:
        name = artifacts.get(tiny.path, recipe(tmp_path, lines), given)
        return [name.with_name(name.name + s).read_bytes() for s in (".so", ".weights")]

    assert files_of("") == files_of("winnow-low-rank")
    # The library tells the recipe of an artifact that one has changed.
    quantize = "winnow-quantize-weights{format=q4_0}\n"
    plain, nothing, one = (
        files_of(quantize + line) for line in ("", "winnow-low-rank", "winnow-low-rank{rank=1}")
    )
    assert plain[1] == nothing[1]
    assert all(mine != other for mine, other in zip(nothing, one, strict=True))
