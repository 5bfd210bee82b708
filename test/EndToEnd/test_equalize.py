"""`winnow-equalize`: the same bits with powers of two, checkpoints that were scaled
and rotated by NumPy, and codes that are fitted to the changed inputs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import gguf
import numpy as np
import pytest

from calibration import calibrate, statistics_of
from conftest import Tiny
from evaluation import TEXT
from interpreted_model import interpret_model
from interpreter import Call, arguments_of
from programs import Artifacts, Programs, manifest, recipe, run_fixed
from reference.hadamard import rotated
from test_drop_layers import DECODERS
from test_drop_layers import GOLDEN as HUGGING_FACE
from tiny_encoders import GOLDEN, write_vocabulary

LINE = "winnow-equalize{method=diagonal}"
ROTATION = "winnow-equalize{method=hadamard}"
FAMILIES = ["llama-f32", "llama3-f32", "mistral-f32", "qwen2-f32", "qwen3-f32", "gemma3-f32"]


def options_of(folder: Path, line: str, statistics: Path) -> tuple[str, ...]:
    return (recipe(folder, line), f"--statistics={statistics}", "--activations=f32")


@pytest.mark.parametrize("tiny", [*FAMILIES, "gptneox-f32"], indirect=True)
def test_powers_of_two_change_no_bit(
    tiny: Tiny, programs: Programs, artifacts: Artifacts, text: Path, tmp_path: Path
) -> None:
    statistics = calibrate(programs, tiny.path, tmp_path / "statistics", text)
    plain = artifacts.get(tiny.path, "--activations=f32")
    ids = tiny.model.token_ids()
    expected = programs.logits(plain, ids, tmp_path / "plain.npy")
    for rounding in ("pow2", "nearest"):
        line = LINE.replace("}", f" round={rounding}}}")
        name = tmp_path / rounding
        programs.compile(tiny.path, name, *options_of(tmp_path, line, statistics))
        found = programs.logits(name, ids, tmp_path / "found.npy")
        if rounding == "pow2":
            np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))
        assert np.abs(found - expected).max() <= 2e-5 * np.abs(expected).max()
        # Weights of every layer have changed, and none has come.
        divided = [d for d in manifest(name)["decisions"] if "are divided by" in d["what"]]
        folded = 4 if tiny.model.architecture != "gptneox" else 3
        assert len(divided) == folded * tiny.model.layers
        assert manifest(name)["weight_bytes"] == manifest(plain)["weight_bytes"]
        weights = [path.with_name(path.name + ".weights").read_bytes() for path in (plain, name)]
        assert weights[0] != weights[1]


def test_a_norm_in_the_residual_stream_stays(
    programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    """Of BERT, only values can be divided: norms feed the next residual sum, and
    an activation function is no product."""
    model = tmp_path / "bert"
    shutil.copytree(GOLDEN / "bert", model)
    write_vocabulary(model)
    lines = tmp_path / "text.txt"
    lines.write_text(TEXT)
    statistics = calibrate(programs, model, tmp_path / "statistics", lines)
    name = tmp_path / "name"
    line = LINE.replace("}", " round=pow2}")
    programs.compile(model, name, *options_of(tmp_path, line, statistics))
    decisions = manifest(name)["decisions"]
    divided = {d["name"] for d in decisions if "are divided by" in d["what"]}
    assert divided and all("attention.output.dense" in weight for weight in divided)
    plain = artifacts.get(model, "--activations=f32")
    expected = run_fixed(programs, plain, tmp_path / "plain.npy")
    found = run_fixed(programs, name, tmp_path / "found.npy")
    np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))


def scaled_by_numpy(tiny: Tiny, statistics: dict[str, np.ndarray], path: Path) -> None:
    """A copy of a checkpoint in f32 whose weights are scaled by SmoothQuant."""
    shutil.copy(tiny.path, path)
    tensors = {t.name: t.data for t in gguf.GGUFReader(path, "r+").tensors}
    group = tiny.model.heads // tiny.model.kv_heads

    def divide(readers: list[str], norm: str | None, rows: list[str], shared: bool = False) -> None:
        inputs = statistics[f"channels.abs_max/{readers[0]}"].astype(np.float64)
        weights = np.max([np.abs(tensors[r]).max(axis=0) for r in readers], axis=0)
        if shared:
            pairs = (tiny.model.kv_heads, group, tiny.model.head_size)
            inputs = inputs.reshape(pairs).max(axis=1).reshape(-1)
            weights = weights.reshape(pairs).max(axis=1).reshape(-1)
        weights = np.maximum(weights.astype(np.float64), 1e-5)
        factors = np.maximum(np.sqrt(inputs) / np.sqrt(weights), 1e-5)
        factors = np.where(inputs > 0, factors, 1).astype(np.float32)
        per_channel = factors
        if shared:
            spread = factors.reshape(tiny.model.kv_heads, 1, tiny.model.head_size)
            per_channel = np.repeat(spread, group, axis=1).reshape(-1)
        for reader in readers:
            tensors[reader][...] *= per_channel
        inverse = np.float32(1) / factors
        if norm:
            tensors[norm][...] *= inverse
        for name in rows:
            data = tensors[name]
            data[...] *= inverse[:, None] if data.ndim == 2 else inverse

    biases = tiny.model.architecture == "qwen2"
    for i in range(tiny.model.layers):
        names = [f"blk.{i}.attn_{part}.weight" for part in "qkv"]
        divide(names, f"blk.{i}.attn_norm.weight", [])
        values = [names[2]] + ([f"blk.{i}.attn_v.bias"] if biases else [])
        divide([f"blk.{i}.attn_output.weight"], None, values, shared=True)
        names = [f"blk.{i}.ffn_{part}.weight" for part in ("gate", "up")]
        divide(names, f"blk.{i}.ffn_norm.weight", [])
        divide([f"blk.{i}.ffn_down.weight"], None, names[1:])


@pytest.mark.parametrize("tiny", ["llama-f32", "qwen2-f32", "gemma3-f32"], indirect=True)
def test_equals_a_scaled_checkpoint(
    tiny: Tiny, programs: Programs, artifacts: Artifacts, text: Path, tmp_path: Path
) -> None:
    statistics = calibrate(programs, tiny.path, tmp_path / "statistics", text)
    programs.compile(tiny.path, tmp_path / "name", *options_of(tmp_path, LINE, statistics))
    written = tmp_path / "written.gguf"
    scaled_by_numpy(tiny, statistics_of(statistics), written)
    expected = artifacts.get(written, "--activations=f32")
    ids = tiny.model.token_ids()
    found = programs.logits(tmp_path / "name", ids, tmp_path / "found.npy")
    wanted = programs.logits(expected, ids, tmp_path / "expected.npy")
    np.testing.assert_array_equal(found.view(np.uint32), wanted.view(np.uint32))


@pytest.mark.parametrize("model", [*DECODERS, "qwen3", "encoders/bert"])
def test_a_rotation_changes_nothing_but_rounding(
    model: str, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    """In every family, without statistics."""
    path, exact = HUGGING_FACE / model, "--activations=f32"
    plain = artifacts.get(path, exact)
    name = tmp_path / "name"
    programs.compile(path, name, recipe(tmp_path, ROTATION), exact)
    expected = run_fixed(programs, plain, tmp_path / "plain.npy")
    found = run_fixed(programs, name, tmp_path / "found.npy")
    assert 0 < np.abs(found - expected).max() <= 2e-5 * np.abs(expected).max()
    decisions = [d["what"] for d in manifest(name)["decisions"]]
    layers = json.loads((path / "config.json").read_text())["num_hidden_layers"]
    assert sum("are rotated in runs of" in what for what in decisions) == layers


@pytest.mark.parametrize("model", ["mpnet", "vit"])
def test_odd_heads_stay(
    model: str, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    """Heads of 7 and 9 channels; other inputs cannot be rotated anyway."""
    remarks = tmp_path / "remarks"
    options = (recipe(tmp_path, ROTATION), f"--remarks={remarks}")
    programs.compile(GOLDEN / model, tmp_path / "name", *options)
    assert remarks.read_text().count("channels is odd") == 2
    plain = artifacts.get(GOLDEN / model)
    files = [path.with_name(f"{path.name}.weights") for path in (plain, tmp_path / "name")]
    assert files[0].read_bytes() == files[1].read_bytes()


def rotated_by_numpy(tiny: Tiny, path: Path) -> None:
    """A copy of a checkpoint in f32 whose values are rotated."""
    shutil.copy(tiny.path, path)
    tensors = {t.name: t.data for t in gguf.GGUFReader(path, "r+").tensors}
    size = tiny.model.head_size & -tiny.model.head_size
    for i in range(tiny.model.layers):
        value, output = tensors[f"blk.{i}.attn_v.weight"], tensors[f"blk.{i}.attn_output.weight"]
        value[...] = rotated(value, size, 0)
        output[...] = rotated(output, size, 1)
        if (bias := tensors.get(f"blk.{i}.attn_v.bias")) is not None:
            bias[...] = rotated(bias, size, 0)


@pytest.mark.parametrize("tiny", ["llama-f32", "qwen2-f32", "gemma3-f32"], indirect=True)
def test_equals_a_rotated_checkpoint(
    tiny: Tiny, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    name, exact = tmp_path / "name", "--activations=f32"
    programs.compile(tiny.path, name, recipe(tmp_path, ROTATION), exact)
    written = tmp_path / "written.gguf"
    rotated_by_numpy(tiny, written)
    ids = tiny.model.token_ids()
    found = programs.logits(name, ids, tmp_path / "found.npy")
    wanted = programs.logits(artifacts.get(written, exact), ids, tmp_path / "expected.npy")
    np.testing.assert_array_equal(found.view(np.uint32), wanted.view(np.uint32))


@pytest.mark.parametrize("tiny", ["llama-blocks-96"], indirect=True)
@pytest.mark.parametrize("pass_line", [LINE, ROTATION], ids=["diagonal", "hadamard"])
@pytest.mark.parametrize("order", ["before", "after"])
def test_gptq_fits_codes_to_changed_inputs(
    order: str, pass_line: str, tiny: Tiny, programs: Programs, text: Path, tmp_path: Path
) -> None:
    """In native code as in the interpreter, whichever pass comes first."""
    statistics = calibrate(
        programs, tiny.path, tmp_path / "statistics", text, "--observe=channels,gram"
    )
    quantize = "winnow-quantize-weights{format=q4_0 method=gptq}"
    lines = [pass_line, quantize] if order == "before" else [quantize, pass_line]
    options = options_of(tmp_path, "\n".join(lines), statistics)
    programs.compile(tiny.path, tmp_path / "name", *options)
    ids = np.array(tiny.model.token_ids()[:9], np.int32)
    calls = [Call("forward", arguments_of(ids))]
    emitted = (*options, "--emit=compressed")
    [[expected]] = interpret_model(programs, tiny.path, calls, tmp_path, emitted)
    found = programs.logits(tmp_path / "name", list(map(int, ids)), tmp_path / "logits.npy")
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("tiny", ["llama-f32"], indirect=True)
def test_none_is_the_identity(
    tiny: Tiny, programs: Programs, artifacts: Artifacts, text: Path, tmp_path: Path
) -> None:
    statistics = calibrate(programs, tiny.path, tmp_path / "statistics", text)
    given = f"--statistics={statistics}"
    names = [artifacts.get(tiny.path, given)]
    for method in ("none", "diagonal", "hadamard"):
        line = f"winnow-equalize{{method={method}}}"
        names.append(artifacts.get(tiny.path, recipe(tmp_path, line), given))
    plain, nothing, *others = (
        [name.with_name(name.name + suffix).read_bytes() for suffix in (".so", ".weights", ".json")]
        for name in names
    )
    assert plain == nothing
    for changed in others:
        assert all(mine != other for mine, other in zip(plain, changed, strict=True))
