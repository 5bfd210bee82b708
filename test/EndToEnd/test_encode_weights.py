"""`--weights`: errors of the encoders, and models whose matrices they encoded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from comparison import kl_divergence
from conftest import ROOT, Tiny
from encoder_samples import gemma_samples, normal_samples
from fetch_gemma import gemma_path
from interpreter import recode
from programs import Artifacts, Programs, artifact_files
from reference import Checkpoint, Transformer
from support import Support
from weight_format_table import table

GOLDEN = ROOT / "test" / "Golden" / "Formats" / "encoders.json"
EXACT = "--activations=f32"


def matrices(path: Path) -> list[str]:
    """Names of the tensors that linear layers and embeddings read."""
    checkpoint = Checkpoint(path)
    return [name for name in checkpoint.names() if np.ndim(checkpoint.weight(name)) == 2]


@pytest.mark.parametrize(
    "samples", [normal_samples, pytest.param(gemma_samples, marks=pytest.mark.slow)]
)
def test_errors_are_no_larger_than_llama_cpps(
    samples: Callable[[], Iterator[tuple[str, np.ndarray]]], programs: Programs, tmp_path: Path
) -> None:
    recorded = json.loads(GOLDEN.read_text())["mean_squared_errors"]
    for name, numbers in samples():
        formats = list(recorded[name])
        decoded = recode(
            programs.directory / "winnow-opt", tmp_path / re.sub(r"\W", "_", name), numbers, formats
        )
        for kind in formats:
            error = np.mean((numbers.astype(np.float64) - decoded[kind]) ** 2)
            print(f"{name} {kind}: {error:.3e}, llama.cpp {recorded[name][kind]:.3e}")
            assert error <= recorded[name][kind], (name, kind)


def test_page_of_formats_is_up_to_date(programs: Programs, tmp_path: Path) -> None:
    """docs/WeightFormats.md holds what scripts/weight_format_table.py prints."""
    printed = table(programs.directory / "winnow-opt", tmp_path)
    assert printed in (ROOT / "docs" / "WeightFormats.md").read_text()


@pytest.mark.parametrize(
    ("kind", "dense", "kept", "of"),
    [
        ("int8_g32_2of4", "q8_0", 2, 4),
        ("int8_g32_4of8", "q8_0", 4, 8),
        ("int4_g32_2of4", "int4_g32", 2, 4),
        ("int4_g32_4of8", "int4_g32", 4, 8),
    ],
)
def test_leaving_weights_out_is_masking_them(
    kind: str, dense: str, kept: int, of: int, programs: Programs, tmp_path: Path
) -> None:
    """Of each few inputs the largest magnitudes stay, of equal ones the first."""
    numbers = np.random.default_rng(5).normal(0, 0.02, (48, 256)).astype(np.float32)
    numbers[:4] = np.round(numbers[:4], 2)
    groups = numbers.reshape(-1, of)
    order = np.argsort(-np.abs(groups), axis=1, kind="stable")
    mask = np.zeros_like(groups, dtype=bool)
    np.put_along_axis(mask, order[:, :kept], values=True, axis=1)
    masked = np.where(mask, groups, np.float32(0)).reshape(numbers.shape)
    winnow_opt = programs.directory / "winnow-opt"
    sparse = recode(winnow_opt, tmp_path / "sparse", numbers, [kind])[kind]
    assert np.array_equal(sparse, recode(winnow_opt, tmp_path / "dense", masked, [dense])[dense])
    assert (sparse != 0).sum() > 0.4 * numbers.size


@pytest.mark.parametrize("kind", ["q8_0", "int4_g32", "int8_g32_2of4", "int4_g32_4of8"])
@pytest.mark.parametrize("tiny", ["llama-blocks-96"], indirect=True)
def test_logits_are_those_of_the_encoded_weights(
    tiny: Tiny,
    kind: str,
    programs: Programs,
    artifacts: Artifacts,
    support: Support,
    tmp_path: Path,
) -> None:
    transformer = Transformer(tiny.path)
    weight = transformer.checkpoint.weight
    errors = {}
    encoded = {}
    for number, name in enumerate(matrices(tiny.path)):
        before = weight(name)
        if before.shape[1] % 32:
            continue
        encoded[name] = recode(
            programs.directory / "winnow-opt", tmp_path / str(number), before, [kind]
        )[kind]
        difference = before.astype(np.float64) - encoded[name]
        errors[name] = (
            np.sqrt(np.sum(difference**2) / np.sum(before.astype(np.float64) ** 2)),
            np.abs(difference).max(),
        )
    transformer.checkpoint.weight = lambda name: encoded.get(name, weight(name))
    expected = transformer(tiny.model.token_ids())

    name = artifacts.get(tiny.path, f"--weights={kind}", EXACT)
    logits = programs.logits(name, tiny.model.token_ids(), tmp_path / "logits.npy")
    assert np.abs(logits - expected).max() <= 1e-4 * np.abs(expected).max()
    assert np.abs(expected - tiny.expected).max() > 1e-3 * np.abs(expected).max()

    manifest = json.loads(name.with_name(name.name + ".json").read_text())
    recoded = [entry for entry in manifest["weights"] if "relative_rms_error" in entry]
    total = manifest["recoded_weights"]
    assert total["tensors"] == len(recoded) > 0
    for entry in manifest["weights"]:
        if entry not in recoded:
            assert entry["format"] == kind or entry["shape"][-1] % 32 or len(entry["shape"]) == 1
            continue
        assert entry["format"] == kind != entry["checkpoint_format"]
        relative, largest = errors[entry["name"]]
        np.testing.assert_allclose(entry["relative_rms_error"], relative, rtol=1e-6)
        np.testing.assert_allclose(entry["largest_error"], largest, rtol=1e-6)
    assert total["largest_error"] == max(entry["largest_error"] for entry in recoded)
    shown = programs.execute("winnow-run", name, "--inspect").stdout
    assert "recoded_weights" in shown and "relative_rms_error" in shown
    support.add(tiny.path, name)


@pytest.mark.parametrize("tiny", ["gemma3-k-quants"], indirect=True)
def test_f32_weights_compute_what_was_stored(
    tiny: Tiny, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    ids = tiny.model.token_ids()
    kept = programs.logits(artifacts.get(tiny.path, EXACT), ids, tmp_path / "kept.npy")
    name = artifacts.get(tiny.path, "--weights=f32", EXACT)
    decoded = programs.logits(name, ids, tmp_path / "decoded.npy")
    assert np.abs(decoded - kept).max() <= 1e-6 * np.abs(kept).max()
    manifest = json.loads(name.with_name(name.name + ".json").read_text())
    assert {entry["format"] for entry in manifest["weights"]} == {"f32"}
    assert manifest["recoded_weights"]["largest_error"] == 0


def contents(name: Path) -> dict[str, bytes]:
    return {path.suffix: path.read_bytes() for path in artifact_files(name)}


def test_keep_is_the_identity(
    tiny_paths: dict[str, Path], programs: Programs, tmp_path: Path
) -> None:
    model = tiny_paths["llama-blocks-96"]
    plain = contents(programs.compile(model, tmp_path / "model"))
    assert contents(programs.compile(model, tmp_path / "model", "--weights=keep")) == plain


def test_a_recipe_takes_layers_in_turn(
    tiny_paths: dict[str, Path], programs: Programs, tmp_path: Path
) -> None:
    """Names of layers are those of every family; the last line that names a matrix
    decides."""
    model = tiny_paths["llama-blocks-96"]
    recipe = tmp_path / "small.recipe"
    recipe.write_text(
        'winnow-quantize-weights{format=f16}\nwinnow-quantize-weights{format=q4_0 only="mlp"}\n'
    )
    name = programs.compile(model, tmp_path / "model", f"--recipe={recipe}")
    manifest = json.loads(contents(name)[".json"])
    for entry in manifest["weights"]:
        if len(entry["shape"]) == 2:
            wanted = "q4_0" if "ffn" in entry["name"] and entry["shape"][1] % 32 == 0 else "f16"
            assert entry["format"] == wanted, entry
    assert len(manifest["decisions"]) > 4
    (tmp_path / "one.recipe").write_text('winnow-quantize-weights{format=q4_0 only="mlp"}')
    options = ("--weights=q4_0", "--weights-only=ffn")
    layers = contents(programs.compile(model, name, f"--recipe={tmp_path / 'one.recipe'}"))
    weights = contents(programs.compile(model, name, *options))
    assert json.loads(layers[".json"])["weights"] == json.loads(weights[".json"])["weights"]


def test_number_of_threads_changes_nothing(
    tiny_paths: dict[str, Path], programs: Programs, tmp_path: Path
) -> None:
    model = tiny_paths["gemma3-k-quants"]
    options = ("--weights=q5_k", "--weights-skip=ffn_")
    one, five = (
        contents(programs.compile(model, tmp_path / "model", *options, f"--threads={threads}"))
        for threads in (1, 5)
    )
    assert one == five
    weights = json.loads(one[".json"])["weights"]
    recoded = [entry["name"] for entry in weights if "checkpoint_format" in entry]
    assert recoded and not any("ffn_" in name for name in recoded)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--weights=q9", "expects keep, f32, f16, bf16, q4_0, .*int4_g64, .*, found 'q9'"),
        ("--weights=tq1_0", "expects keep, .*, found 'tq1_0'"),
        ("--weights-only=[", "expects a regular expression, found '\\['"),
    ],
)
def test_bad_options(
    option: str, message: str, tiny_paths: dict[str, Path], programs: Programs, tmp_path: Path
) -> None:
    found = programs.failure(
        "winnow-compile", tiny_paths["llama-f32"], "-o", tmp_path / "model", option
    )
    assert re.search(message, found), found
    assert artifact_files(tmp_path / "model") == []


def test_numbers_that_do_not_fit_are_refused(programs: Programs, tmp_path: Path) -> None:
    """One error that names the tensor and the row, and no files."""
    model = tmp_path / "model.mlir"
    model.write_text(
        """winnow.param @w from {splat = 1.0e9 : f32} : tensor<16x64xf32>
func.func @forward(%x: tensor<?x64xf32> {winnow.name = "x", winnow.dims = ["T"]})
    -> (tensor<?x16xf32> {winnow.name = "y"}) attributes {winnow.entry} {
  %w = winnow.use @w : tensor<16x64xf32>
  %y = winnow.linear %x, %w : tensor<?x64xf32>, tensor<16x64xf32> -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}
"""
    )
    found = programs.failure("winnow-compile", model, "-o", tmp_path / "out", "--weights=q4_0")
    assert "'w': row 0, element 0 and on: numbers up to 1.000000E+09" in found
    assert artifact_files(tmp_path / "out") == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["q8_0", "q4_0"])
def test_gemma_diverges_less_than_with_llama_cpps_encoders(
    kind: str,
    programs: Programs,
    artifacts: Artifacts,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """From the logits of the checkpoint, whose numbers have been quantized once."""
    recorded = json.loads(GOLDEN.read_text())
    golden = json.loads((ROOT / "test" / "Golden" / "gemma" / "gemma.json").read_text())
    [prompt] = [p for p in golden["prompts"] if p["name"] == recorded["gemma_prompt"]]
    path = gemma_path()
    expected = programs.logits(artifacts.get(path, EXACT), prompt["ids"], tmp_path / "kept.npy")
    name = artifacts.get(path, f"--weights={kind}", EXACT)
    actual = programs.logits(name, prompt["ids"], tmp_path / "encoded.npy")
    ours = float(kl_divergence(expected, actual).mean())
    theirs = recorded["gemma_divergence"][kind]
    total = json.loads(name.with_name(name.name + ".json").read_text())["recoded_weights"]
    error = total["relative_rms_error"]
    with capsys.disabled():
        print(f"\n{kind}: KL {ours:.2e}, llama.cpp's {theirs:.2e}; weights off by {error:.2e}")
    assert ours <= theirs


@pytest.mark.slow
def test_gemma_in_q8_0_still_knows(programs: Programs, artifacts: Artifacts) -> None:
    """Not so in q4_0, which is too coarse for the embeddings of this small model."""
    name = artifacts.get(gemma_path(), "--weights=q8_0", EXACT)
    text = programs.execute(
        "winnow-run", name, "--prompt", "The capital of France is the city of", "-n", "12",
        "--temperature", "0",
    ).stdout  # fmt: skip
    assert "Paris" in text
