"""`winnow-quantize-weights{method=awq}`: the factors and codes that NumPy finds, and
how much better products are than with codes rounded to nearest."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from artifact import Artifact
from both_ways import run_both_ways
from calibration import calibrate
from conftest import Tiny
from evaluation import TEXT, evaluate
from fetch_minilm import minilm_path
from fetch_texts import texts
from interpreted_model import interpret_model
from interpreter import Call, arguments_of, recode
from programs import Programs, recipe
from test_gptq import compile_with
from test_offline_weights import dense, random_param

WIDTH, ROWS = 64, 24


def samples() -> np.ndarray:
    """Inputs of the norm: channels of different sizes that go together."""
    random = np.random.default_rng(5)
    sizes = np.exp(random.normal(0, 1.2, WIDTH))
    mix = np.eye(WIDTH) + 0.3 * random.normal(size=(WIDTH, WIDTH)) / 8
    return (random.normal(size=(200, WIDTH)) * sizes @ mix).astype(np.float32)


def matrix_text(values: np.ndarray) -> str:
    rows = ", ".join("[" + ", ".join(f"{float(v)!r}" for v in row) + "]" for row in values)
    return f"dense<[{rows}]> : tensor<{values.shape[0]}x{values.shape[1]}xf32>"


def norm(x: np.ndarray, gamma: np.ndarray) -> np.ndarray:
    x = x.astype(np.float64)
    return x / np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-6) * gamma


def program(gamma: np.ndarray, statistics: dict[str, np.ndarray], rows: int = ROWS) -> str:
    """A norm and two layers that read it."""
    values = ", ".join(
        f'"{kind}/w0" = {matrix_text(v) if v.ndim == 2 else dense(v)}'
        for kind, v in statistics.items()
    )
    uses = "".join(
        f"""  %w{i} = winnow.use @w{i} : tensor<{rows}x{WIDTH}xf32>
  %y{i} = winnow.linear %n, %w{i}
    : tensor<?x{WIDTH}xf32>, tensor<{rows}x{WIDTH}xf32> -> tensor<?x{rows}xf32>
"""
        for i in range(2)
    )
    return f"""module attributes {{winnow.statistics = {{model = "", tokens = 200 : i64,
    readers = {{w1 = "w0"}}, values = {{{values}}}}}}} {{
winnow.param @w0 from {{random = 3 : i64}} : tensor<{rows}x{WIDTH}xf32>
winnow.param @w1 from {{random = 4 : i64}} : tensor<{rows}x{WIDTH}xf32>
winnow.param @gamma from {{values = {dense(gamma)}}} : tensor<{WIDTH}xf32>
func.func @f(%x: tensor<?x{WIDTH}xf32> {{winnow.name = "x", winnow.dims = ["T"]}})
    -> (tensor<?x{rows}xf32> {{winnow.dims = ["T"]}}) attributes {{winnow.entry}} {{
  %g = winnow.use @gamma : tensor<{WIDTH}xf32>
  %n = winnow.norm rms %x weight(%g : tensor<{WIDTH}xf32>) {{epsilon = 1.0e-6 : f32}}
    : tensor<?x{WIDTH}xf32>
{uses}  %c0 = arith.constant 0 : index
  %t = tensor.dim %x, %c0 : tensor<?x{WIDTH}xf32>
  %e = tensor.empty(%t) : tensor<?x{rows}xf32>
  %y = linalg.map {{ arith.addf }}
    ins(%y0, %y1 : tensor<?x{rows}xf32>, tensor<?x{rows}xf32>) outs(%e : tensor<?x{rows}xf32>)
  return %y : tensor<?x{rows}xf32>
}}
}}
"""


class Oracle:
    """AWQ in f64, with the interpreter's codes for given numbers."""

    def __init__(self, programs: Programs, folder: Path, number_format: str) -> None:
        self.winnow_opt = programs.directory / "winnow-opt"
        self.folder = folder
        self.format = number_format
        self.calls = 0

    def rounded(self, weights: np.ndarray) -> np.ndarray:
        self.calls += 1
        folder = self.folder / f"recode{self.calls}"
        return recode(self.winnow_opt, folder, weights, [self.format])[self.format]

    def factors(
        self, weights: np.ndarray, means: np.ndarray, second: np.ndarray
    ) -> tuple[float, np.ndarray, float]:
        """The exponent and the factors of least error, and what share of the plain
        error that is; `second` is the Gram matrix or its diagonal."""
        errors, all_factors = [], []
        for step in range(20):
            powers = np.maximum(means.astype(np.float64) ** (step / 20), 1e-4)
            factors = (powers / np.sqrt(powers.max() * powers.min())).astype(np.float32)
            lost = self.rounded(weights * factors) / factors - weights
            lost = lost.astype(np.float64)
            h = second if second.ndim == 2 else np.diag(second)
            errors.append(np.einsum("nk,kj,nj->", lost, h, lost))
            all_factors.append(factors)
        best = int(np.argmin(errors))
        return best / 20, all_factors[best], float(np.sqrt(errors[best] / errors[0]))

    def clipped(self, weights: np.ndarray, gram: np.ndarray) -> np.ndarray:
        """Each block of 32 by the best of ten levels."""
        blocks = weights.reshape(-1, 32)
        levels = np.float32(1) - np.arange(10, dtype=np.float32) * np.float32(0.05)
        limits = np.abs(blocks).max(axis=1)[None] * levels[:, None]
        trials = [self.rounded(np.clip(blocks, -m[:, None], m[:, None])) for m in limits]
        lost = blocks.astype(np.float64) - np.stack(trials)
        within = np.stack([gram[i : i + 32, i : i + 32] for i in range(0, WIDTH, 32)])
        lost = lost.reshape(10, -1, WIDTH // 32, 32)
        errors = np.einsum("lrgk,gkj,lrgj->lrg", lost, within, lost)
        best = errors.argmin(axis=0).reshape(-1)
        return np.stack(trials)[best, np.arange(len(blocks))].reshape(weights.shape)


@pytest.mark.parametrize("number_format", ["int4_g32", "q4_0"])
@pytest.mark.parametrize("observed", ["gram", "channels"])
def test_equals_numpy(
    observed: str, number_format: str, programs: Programs, tmp_path: Path
) -> None:
    random = np.random.default_rng(7)
    gamma = random.uniform(0.5, 2, WIDTH).astype(np.float32)
    inputs = samples()
    x = norm(inputs, gamma)
    gram = (x.T @ x / len(x)).astype(np.float32)
    statistics = {"channels.abs_mean": np.abs(x).mean(axis=0).astype(np.float32)}
    if observed == "gram":
        statistics["gram.mean"] = gram
    else:
        statistics["channels.rms"] = np.sqrt(np.diag(gram))
    module = tmp_path / "program.mlir"
    module.write_text(program(gamma, statistics))
    line = f"winnow-quantize-weights{{format={number_format} method=awq}}"
    name = tmp_path / "name"
    programs.compile(module, name, recipe(tmp_path, line), "--activations=f32")

    oracle = Oracle(programs, tmp_path, number_format)
    weights = np.concatenate([random_param(s, ROWS * WIDTH).reshape(ROWS, WIDTH) for s in (3, 4)])
    second = gram if observed == "gram" else np.diag(gram)
    exponent, factors, _ = oracle.factors(weights, statistics["channels.abs_mean"], second)
    assert exponent > 0
    facts = json.loads(name.with_name("name.json").read_text())
    [reason] = [d["what"] for d in facts["decisions"] if d["what"].startswith("awq divides")]
    assert float(re.search(r"mean\|x\|\^([0-9.]+)", reason)[1]) == exponent

    scaled = weights * factors
    if observed == "gram":
        divided = gram.astype(np.float64) / np.outer(factors, factors)
        codes = oracle.clipped(scaled, divided)
        assert {w.get("method") for w in facts["weights"] if w["name"] != "gamma"} == {"clip"}
    else:
        codes = oracle.rounded(scaled)
    inner = norm(inputs, gamma * (np.float32(1) / factors))
    expected = inner @ (codes[:ROWS].astype(np.float64) + codes[ROWS:]).T
    compressed = tmp_path / "compressed.mlir"
    programs.compile(
        module, compressed, recipe(tmp_path, line), "--activations=f32", "--emit=compressed"
    )
    interpreted, results = run_both_ways(
        programs,
        Artifact(name),
        compressed.read_text(),
        Call("f", {"x": inputs}),
        expected.shape,
        [1, 2],
        tmp_path / "interpreted",
    )
    for found in (interpreted, *results):
        assert np.abs(found - expected).max() <= 2e-6 * np.abs(expected).max()


def test_some_rows_of_many_decide(programs: Programs, tmp_path: Path) -> None:
    """Of 1200 rows every third."""
    rows = 600
    gamma = np.random.default_rng(7).uniform(0.5, 2, WIDTH).astype(np.float32)
    x = norm(samples(), gamma)
    gram = (x.T @ x / len(x)).astype(np.float32)
    means = np.abs(x).mean(axis=0).astype(np.float32)
    module = tmp_path / "program.mlir"
    module.write_text(program(gamma, {"channels.abs_mean": means, "gram.mean": gram}, rows))
    line = "winnow-quantize-weights{format=q4_0 method=awq}"
    name = tmp_path / "name"
    programs.compile(module, name, recipe(tmp_path, line), "--activations=f32")
    facts = json.loads(name.with_name("name.json").read_text())
    [reason] = [d["what"] for d in facts["decisions"] if d["what"].startswith("awq divides")]
    found = re.search(r"mean\|x\|\^([0-9.]+), .* lose ([0-9.]+) of", reason)

    oracle = Oracle(programs, tmp_path, "q4_0")
    weights = [random_param(seed, rows * WIDTH).reshape(rows, WIDTH) for seed in (3, 4)]
    shares = {}
    for stride in (1, 3):
        sample = np.concatenate([weight[::stride] for weight in weights])
        exponent, _, shares[stride] = oracle.factors(sample, means, gram)
    assert (float(found[1]), float(found[2])) == (exponent, pytest.approx(shares[3], abs=2e-6))
    assert abs(shares[1] - shares[3]) > 1e-4


@pytest.mark.parametrize("tiny", ["llama-blocks-96", "gemma3-k-quants"], indirect=True)
def test_interpreter_agrees(tiny: Tiny, programs: Programs, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(TEXT)
    statistics = calibrate(
        programs, tiny.path, tmp_path / "statistics", text, "--observe=channels,gram"
    )
    line = "winnow-quantize-weights{format=int4_g32 method=awq}"
    options = (recipe(tmp_path, line), f"--statistics={statistics}", "--activations=f32")
    programs.compile(tiny.path, tmp_path / "name", *options)
    ids = np.array(tiny.model.token_ids()[:9], np.int32)
    emitted = (*options, "--emit=compressed")
    [[expected]] = interpret_model(
        programs, tiny.path, [Call("forward", arguments_of(ids))], tmp_path, emitted
    )
    found = programs.logits(tmp_path / "name", list(map(int, ids)), tmp_path / "logits.npy")
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.slow
def test_products_of_minilm_are_better(programs: Programs, tmp_path: Path) -> None:
    """At the same size, on another text than that of the calibration. Only values
    can be divided in BERT; levels help everywhere."""
    model = minilm_path()
    statistics = calibrate(
        programs,
        model,
        tmp_path / "statistics",
        texts().calibration,
        "--observe=channels,gram",
    )
    programs.compile(model, tmp_path / "plain")
    errors, outputs = {}, {}
    for method in ("rtn", "awq"):
        line = f"winnow-quantize-weights{{format=int4_g64 method={method}}}"
        name = tmp_path / method
        facts = compile_with(programs, model, name, line, statistics, "--activations=f32")
        errors[method] = evaluate(
            programs, name, texts().evaluation, "--against", tmp_path / "plain"
        )["cosine_error"]
        outputs[method] = {
            w["name"]: w["relative_output_error"]
            for w in facts["weights"]
            if "relative_output_error" in w
        }
    for name, error in outputs["awq"].items():
        assert error <= outputs["rtn"][name] * 1.001, name
    assert errors["awq"] < errors["rtn"]
