"""`winnow-drop-layers`: a model without a layer is one that was written without it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import gguf
import numpy as np
import pytest

from conftest import ROOT, Tiny
from hugging_face import read_header, stored_tensors
from interpreted_model import interpret_model
from interpreter import Call, arguments_of
from programs import Artifacts, Programs, manifest, recipe, run_fixed

GOLDEN = ROOT / "test" / "Golden" / "hf"
# Of one file each; the files of qwen3 are several, but for the GGUF below.
DECODERS = ("gemma2", "gemma3", "gpt_neox", "gpt_neox_sequential", "llama", "mistral", "phi3")
DECODERS += ("qwen2",)
BLOCK = re.compile(r"(?<=layer\.|ayers\.)\d+(?=\.)")
DROPPED = 1


def without_block(model: Path, folder: Path) -> Path:
    """Writes a directory of Hugging Face without the block DROPPED."""
    target = folder / model.name
    shutil.copytree(model, target)
    config = json.loads((model / "config.json").read_text())
    config["num_hidden_layers"] -= 1
    if "layer_types" in config:
        del config["layer_types"][DROPPED]
    (target / "config.json").write_text(json.dumps(config))
    header, _ = read_header(model / "model.safetensors")
    written, data = {}, b""
    for name, stored in stored_tensors(model / "model.safetensors").items():
        renamed, found = name, BLOCK.search(name)
        if found:
            block = int(found.group())
            if block == DROPPED:
                continue
            renamed = BLOCK.sub(str(block - (block > DROPPED)), name)
        written[renamed] = header[name] | {"data_offsets": [len(data), len(data) + len(stored)]}
        data += stored
    text = json.dumps(written).encode()
    size = len(text).to_bytes(8, "little")
    (target / "model.safetensors").write_bytes(size + text + data)
    return target


@pytest.mark.parametrize(
    "model", [*DECODERS, *(f"encoders/{name}" for name in ("bert", "mpnet", "vit"))]
)
def test_a_block_less_is_a_model_without_it(
    model: str, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    text = f"winnow-drop-layers{{granularity=block layers={DROPPED}}}"
    dropped = artifacts.get(GOLDEN / model, recipe(tmp_path, text))
    written = artifacts.get(without_block(GOLDEN / model, tmp_path / "written"))
    found = run_fixed(programs, dropped, tmp_path / "found.npy")
    expected = run_fixed(programs, written, tmp_path / "expected.npy")
    np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))
    whole = run_fixed(programs, artifacts.get(GOLDEN / model), tmp_path / "whole.npy")
    assert np.abs(whole - expected).max() > 1e-2 * np.abs(whole).max()
    # Nothing of it is left: weights, caches, kernels.
    here, there = manifest(dropped), manifest(written)
    assert here["weight_bytes"] == there["weight_bytes"]
    for mine, other in zip(here["entries"], there["entries"], strict=True):
        assert len(mine["caches"]) == len(other["caches"])
    assert here["kernels"] == there["kernels"]


@pytest.mark.parametrize(
    "tiny",
    ["llama-blocks-96", "qwen2-f32", "qwen3-k-quants", "gemma3-k-quants", "gptneox-f32"],
    indirect=True,
)
def test_layers_whose_output_is_zero_change_nothing(
    tiny: Tiny, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    """Every byte of their output projections is 0, which is 0 in all formats."""
    silent = tmp_path / tiny.path.name
    shutil.copy(tiny.path, silent)
    for tensor in gguf.GGUFReader(silent, "r+").tensors:
        if tensor.name.startswith(("blk.0.ffn_down.", "blk.1.attn_output.")):
            tensor.data[...] = 0
    text = (
        "winnow-drop-layers{granularity=attention layers=1}\n"
        "winnow-drop-layers{granularity=mlp layers=0}   # counted by itself\n"
    )
    ids = tiny.model.token_ids()
    name = artifacts.get(tiny.path, recipe(tmp_path, text))
    dropped = programs.logits(name, ids, tmp_path / "dropped.npy")
    zero = programs.logits(artifacts.get(silent), ids, tmp_path / "zero.npy")
    np.testing.assert_array_equal(dropped, zero)
    assert np.abs(dropped - tiny.expected).max() > 1e-3 * np.abs(dropped).max()
    facts = manifest(name)
    assert [decision["name"] for decision in facts["decisions"]] == ["blk.1.attention", "blk.0.mlp"]
    assert len(facts["entries"][0]["caches"]) == tiny.model.layers - 1
    assert not any(
        entry["name"].startswith(("blk.1.attn", "blk.0.ffn")) for entry in facts["weights"]
    )


@pytest.mark.parametrize("tiny", ["gemma3-f32"], indirect=True)
def test_interpreter_agrees(
    tiny: Tiny, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    text = "winnow-drop-layers{granularity=joint layers=2,5}"
    options = (recipe(tmp_path, text), "--activations=f32")
    compiled = programs.logits(
        artifacts.get(tiny.path, *options), tiny.model.token_ids(), tmp_path / "logits.npy"
    )
    ids = np.array(tiny.model.token_ids(), np.int32)
    calls = [Call("forward", arguments_of(ids))]
    emitted = (*options, "--emit=compressed")
    [[logits]] = interpret_model(programs, tiny.path, calls, tmp_path, emitted)
    assert np.abs(compiled - logits).max() <= 1e-4 * np.abs(logits).max()


@pytest.mark.parametrize("tiny", ["llama-f32"], indirect=True)
def test_none_is_the_identity(
    tiny: Tiny, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    names = [artifacts.get(tiny.path)]
    for layers in ("", "1"):
        text = f"winnow-drop-layers{{granularity=attention layers={layers}}}"
        names.append(artifacts.get(tiny.path, recipe(tmp_path, text)))
    plain, nothing, one = (
        [name.with_name(name.name + suffix).read_bytes() for suffix in (".so", ".weights", ".json")]
        for name in names
    )
    assert plain == nothing
    assert all(a != b for a, b in zip(plain, one, strict=True))


@pytest.mark.parametrize("tiny", ["llama-f32"], indirect=True)
def test_a_model_without_layers_still_runs(
    tiny: Tiny, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    """What is left is the embedding, a norm and the head: no token sees another."""
    name = artifacts.get(tiny.path, recipe(tmp_path, "winnow-drop-layers{layers=0,1,2}"))
    ids = tiny.model.token_ids()
    logits = programs.logits(name, ids, tmp_path / "all.npy")
    alone = programs.logits(name, ids[-1:], tmp_path / "one.npy")
    np.testing.assert_array_equal(logits[-1:], alone)
    finished = programs.execute("winnow-run", name, "--prompt", "the", "-n", "3")
    assert finished.returncode == 0, finished.stderr
