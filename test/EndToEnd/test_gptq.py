"""`winnow-quantize-weights{method=gptq}`, and wanda: native code against the
interpreter, and how much better products are than with codes rounded to nearest."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from calibration import calibrate
from evaluation import TEXT, evaluate
from fetch_minilm import minilm_path
from fetch_texts import texts
from interpreted_model import interpret_model
from interpreter import Call, arguments_of
from programs import Programs, recipe

LINE = "winnow-quantize-weights{{format={} method={}}}"
RECORDED = Path(__file__).resolve().parent.parent / "Golden" / "Formats" / "output_errors.json"


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text(TEXT * 3)
    return path


def compile_with(
    programs: Programs, model: Path, name: Path, text: str, statistics: Path, *options: str
) -> dict:
    """The manifest of the artifact that a recipe and statistics make."""
    programs.compile(model, name, recipe(name.parent, text), f"--statistics={statistics}", *options)
    return json.loads(name.with_name(name.name + ".json").read_text())


@pytest.mark.parametrize(
    ("number_format", "method", "observed"),
    [("q4_0", "gptq", "gram"), ("int8_g32_2of4", "wanda", "channels")],
)
@pytest.mark.parametrize("model", ["llama-blocks-96", "gemma3-k-quants"])
def test_interpreter_agrees(
    model: str,
    number_format: str,
    method: str,
    observed: str,
    tiny_paths: dict[str, Path],
    programs: Programs,
    text: Path,
    tmp_path: Path,
) -> None:
    path = tiny_paths[model]
    statistics = calibrate(programs, path, tmp_path / "statistics", text, f"--observe={observed}")
    line = LINE.format(number_format, method)
    options = ("--activations=f32",)
    facts = compile_with(programs, path, tmp_path / "name", line, statistics, *options)
    fitted = [weight["name"] for weight in facts["weights"] if "method" in weight]
    assert len(fitted) > 5
    ids = np.array([1, 5, 9, 2, 30, 7, 7, 11, 3], np.int32)
    emitted = (
        recipe(tmp_path, line),
        f"--statistics={statistics}",
        *options,
        "--emit=compressed",
    )
    [[expected]] = interpret_model(
        programs, path, [Call("forward", arguments_of(ids))], tmp_path, emitted
    )
    found = programs.logits(tmp_path / "name", list(map(int, ids)), tmp_path / "logits.npy")
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()
    # Other codes than those rounded to nearest.
    plain = compile_with(
        programs, path, tmp_path / "plain", LINE.format(number_format, "rtn"), statistics, *options
    )
    rounded = programs.logits(tmp_path / "plain", list(map(int, ids)), tmp_path / "plain.npy")
    assert np.abs(found - rounded).max() > 1e-3 * np.abs(rounded).max()
    assert facts["weight_bytes"] == plain["weight_bytes"]


@pytest.mark.slow
@pytest.mark.parametrize("number_format", ["int4_g64", "q4_0"])
def test_products_of_minilm_are_better(
    number_format: str, programs: Programs, tmp_path: Path
) -> None:
    """At the same size, on the text of the calibration and on another one."""
    model = minilm_path()
    statistics = calibrate(
        programs, model, tmp_path / "statistics", texts().calibration, "--observe=gram"
    )
    programs.compile(model, tmp_path / "plain")
    facts, errors = {}, {}
    for method in ("rtn", "gptq"):
        name = tmp_path / method
        line = LINE.format(number_format, method)
        facts[method] = compile_with(programs, model, name, line, statistics, "--activations=f32")
        errors[method] = evaluate(
            programs, name, texts().evaluation, "--against", tmp_path / "plain"
        )["cosine_error"]
    assert facts["gptq"]["weight_bytes"] == facts["rtn"]["weight_bytes"]
    fitted = {w["name"]: w for w in facts["gptq"]["weights"] if "method" in w}
    for weight in facts["rtn"]["weights"]:
        if weight["name"] in fitted:
            mine = fitted[weight["name"]]["relative_output_error"]
            assert mine < 0.8 * weight["relative_output_error"], weight["name"]
    assert errors["gptq"] < 0.8 * errors["rtn"]
    # The same bytes with any number of threads.
    stored = (tmp_path / "gptq.weights").read_bytes()
    compile_with(
        programs,
        model,
        tmp_path / "gptq",
        LINE.format(number_format, "gptq"),
        statistics,
        "--activations=f32",
        "--threads=1",
    )
    assert (tmp_path / "gptq.weights").read_bytes() == stored


@pytest.mark.slow
def test_inputs_tell_which_weights_of_minilm_may_go(programs: Programs, tmp_path: Path) -> None:
    """Two of four by magnitude, by Wanda and by SparseGPT, on another text."""
    model = minilm_path()
    statistics = calibrate(
        programs, model, tmp_path / "statistics", texts().calibration, "--observe=channels,gram"
    )
    programs.compile(model, tmp_path / "plain")
    errors = {}
    for method in ("rtn", "wanda", "gptq"):
        name = tmp_path / method
        line = LINE.format("int8_g32_2of4", method).replace("}", " only=layer}")
        facts = compile_with(programs, model, name, line, statistics, "--activations=f32")
        used = {weight["method"] for weight in facts["weights"] if "method" in weight}
        assert used == ({method} if method != "rtn" else set())
        errors[method] = evaluate(
            programs, name, texts().evaluation, "--against", tmp_path / "plain"
        )["cosine_error"]
    assert errors["gptq"] < errors["wanda"] < errors["rtn"]


@pytest.mark.slow
@pytest.mark.parametrize("rest", ["q4_0", "q5_0"])
def test_products_of_minilm_are_better_than_those_of_llama_cpp(
    rest: str, programs: Programs, tmp_path: Path
) -> None:
    """In the same bytes: Q4_K where rows are whole blocks of 256, another format
    elsewhere. The errors of its quantizer are recorded
    (scripts/record_output_errors.py)."""
    recorded = json.loads(RECORDED.read_text())["relative_output_errors"]
    model = minilm_path()
    statistics = calibrate(
        programs, model, tmp_path / "statistics", texts().calibration, "--observe=gram"
    )
    # Formats of 256 fall back to q5_0, of their own accord.
    text = LINE.format("q4_k", "gptq")
    if rest != "q5_0":
        wide = LINE.format("q4_k", "gptq").replace("}", r" only=layer\.[0-9]+\.output}")
        text = f"{LINE.format(rest, 'gptq')}\n{wide}"
    facts = compile_with(programs, model, tmp_path / "name", text, statistics)
    mine = {w["name"]: w for w in facts["weights"] if "relative_output_error" in w}
    assert mine.keys() == recorded.keys() and len(mine) == 36
    sums: dict[str, np.ndarray] = {}
    for name, weight in mine.items():
        theirs = recorded[name]
        number_format = "q4_k" if "q4_k" in theirs else rest
        assert weight["format"] == number_format, name
        for kind, error in theirs[number_format].items():
            pair = np.array([weight["relative_output_error"], error])
            for key in (kind, f"{number_format} {kind}"):
                sums[key] = sums.get(key, 0) + pair
    ratios = {key: float(ours / others) for key, (ours, others) in sums.items()}
    assert len(ratios) == 6 and max(ratios.values()) <= 0.9, ratios
