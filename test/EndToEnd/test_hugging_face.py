"""Directories of Hugging Face: logits of Transformers, and errors."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from conftest import ROOT
from hugging_face import write_gguf
from interpreted_model import interpret_model
from interpreter import Call
from programs import Artifacts, Programs, artifact_files
from support import Support

GOLDEN = ROOT / "test" / "Golden" / "hf"
RECORD = json.loads((GOLDEN / "hf.json").read_text())
CASES = sorted(np.load(GOLDEN / "logits.npz").files)


def largest(values: np.ndarray) -> float:
    return float(np.abs(values).max())


def artifact_of(model: Path, artifacts: Artifacts, length: int = 61) -> Path:
    options = [f"--context={length}"] if length < 61 else []
    return artifacts.get(model, "--activations=f32", *options)


def logits_of(
    model: Path, artifacts: Artifacts, programs: Programs, output: Path, length: int = 61
) -> np.ndarray:
    """All logits of the recorded tokens of a model of that name."""
    name = artifact_of(model, artifacts, length)
    tokens = RECORD["tokens"][model.name.split(".")[0]][:length]
    return programs.logits(name, tokens, output / "logits.npy")


@pytest.mark.parametrize("case", CASES)
def test_logits_are_those_of_transformers(
    case: str, artifacts: Artifacts, programs: Programs, support: Support, tmp_path: Path
) -> None:
    name, length = case.split("/")
    expected = np.load(GOLDEN / "logits.npz")[case]
    logits = logits_of(GOLDEN / name, artifacts, programs, tmp_path, int(length))
    assert len(logits) == int(length)
    assert largest(logits[:: RECORD["rows"]] - expected) <= 1e-4 * largest(expected)
    support.add(GOLDEN / name, artifact_of(GOLDEN / name, artifacts, int(length)))


@pytest.mark.parametrize("name", ["gemma2", "gemma3", "llama", "phi3"])
def test_gguf_of_the_same_weights(
    name: str, artifacts: Artifacts, programs: Programs, support: Support, tmp_path: Path
) -> None:
    file = tmp_path / f"{name}.gguf"
    write_gguf(GOLDEN / name, file)
    expected = logits_of(GOLDEN / name, artifacts, programs, tmp_path)
    logits = logits_of(file, artifacts, programs, tmp_path)
    assert largest(logits - expected) <= 1e-5 * largest(expected)
    support.add(file, artifact_of(file, artifacts))


@pytest.mark.parametrize("name", ["gemma3", "gpt_neox", "phi3"])
def test_interpreted_model_agrees_with_transformers(
    name: str, programs: Programs, tmp_path: Path
) -> None:
    tokens = np.array(RECORD["tokens"][name], np.int32)
    arguments = {
        "ids": tokens,
        "positions": np.arange(len(tokens), dtype=np.int32),
        "segments": np.zeros(len(tokens), np.int32),
        "rows": np.arange(0, len(tokens), RECORD["rows"], dtype=np.int32),
    }
    calls = [Call("forward", arguments)]
    [[logits]] = interpret_model(programs, GOLDEN / name, calls, tmp_path)
    expected = np.load(GOLDEN / "logits.npz")[f"{name}/61"]
    assert largest(logits - expected) <= 1e-4 * largest(expected)


def copy_with(name: str, folder: Path, change: Callable[[dict], None]) -> Path:
    """A copy of a golden model whose config.json is changed."""
    copy = folder / name
    shutil.copytree(GOLDEN / name, copy)
    path = copy / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))
    return copy


def spell_gemma3_as_before(config: dict) -> None:
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope["full_attention"]["rope_theta"]
    config["rope_local_base_freq"] = rope["sliding_attention"]["rope_theta"]
    config["rope_scaling"] = {"type": "linear", "factor": 8}
    del config["layer_types"]
    config["sliding_window_pattern"] = 6


def spell_llama3_as_before(config: dict) -> None:
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = rope


def spell_neox_as_before(config: dict) -> None:
    rope = config.pop("rope_parameters")
    config["rotary_emb_base"] = rope["rope_theta"]
    config["rotary_pct"] = rope["partial_rotary_factor"]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("gemma3", spell_gemma3_as_before),
        ("llama3", spell_llama3_as_before),
        ("gpt_neox", spell_neox_as_before),
    ],
)
def test_older_spellings(
    name: str,
    change: Callable[[dict], None],
    artifacts: Artifacts,
    programs: Programs,
    tmp_path: Path,
) -> None:
    expected = logits_of(GOLDEN / name, artifacts, programs, tmp_path)
    older = copy_with(name, tmp_path, change)
    assert (logits_of(older, artifacts, programs, tmp_path) == expected).all()


def set_value(key: str, value: object) -> Callable[[dict], None]:
    return lambda config: config.update({key: value})


CONFIG_ERRORS = {
    "architecture": (
        "llama", set_value("model_type", "mamba"),
        "model_type 'mamba' is not supported; supported are gemma2, gemma3_text, gpt_neox, llama, "
        "mistral, phi3, qwen2, qwen3",
    ),
    "no architecture": ("llama", lambda config: config.pop("model_type"), "'model_type'"),
    "missing": ("llama", lambda config: config.pop("hidden_size"), "'hidden_size' is missing"),
    "kind": ("llama", set_value("hidden_size", "x"), "hidden_size expects an integer"),
    "shape": (
        "llama", set_value("intermediate_size", 53),
        "tensor 'model.layers.0.mlp.gate_proj.weight' has shape 52x36, expects 53x36",
    ),
    "stack": (
        "phi3", set_value("intermediate_size", 53),
        "tensor 'model.layers.0.mlp.gate_up_proj.weight' has shape 104x60, expects 106x60",
    ),
    "layers": (
        "llama", set_value("num_hidden_layers", 3),
        "tensor 'model.layers.2.input_layernorm.weight' is missing; llama models need it",
    ),
    "fewer layers": (
        "llama", set_value("num_hidden_layers", 1),
        "is not part of a llama model with 1 layers; known are model.embed_tokens.weight",
    ),
    "layer count": ("llama", set_value("num_hidden_layers", 10**9), "at most one layer per tensor"),
    "head": ("llama3", set_value("tie_word_embeddings", False), "'lm_head.weight' is missing"),
    "rope": (
        "llama3", lambda config: config["rope_parameters"].update(rope_type="dynamic"),
        "rope scaling 'dynamic' is not supported",
    ),
    "rope factors": (
        "phi3", lambda config: config["rope_parameters"].update(long_factor=[1.0, -1.0]),
        "rope_parameters.long_factor expects 6 positive numbers",
    ),
    "layer types": (
        "gemma3", set_value("layer_types", ["full_attention"]),
        "layer_types expects full_attention or sliding_attention for each of 7 layers",
    ),
    "activation": ("llama", set_value("hidden_act", "relu"), "hidden_act expects silu, gelu"),
    "quantized": ("llama", set_value("quantization_config", {}), "quantized models"),
}  # fmt: skip


@pytest.mark.parametrize("case", CONFIG_ERRORS)
def test_bad_config(case: str, programs: Programs, tmp_path: Path) -> None:
    name, change, words = CONFIG_ERRORS[case]
    folder = copy_with(name, tmp_path, change)
    message = programs.failure("winnow-compile", folder, "-o", tmp_path / "artifact")
    assert str(folder) in message and words in message
    assert artifact_files(tmp_path / "artifact") == []


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def truncate(name: str, size: int) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


def redirect_shard(folder: Path) -> None:
    path = folder / "model.safetensors.index.json"
    path.write_text(path.read_text().replace("model-00002", "../model-00002"))


FILE_ERRORS = {
    "no config": ("llama", remove("config.json"), "config.json: No such file"),
    "bad JSON": ("llama", truncate("config.json", 100), "config.json: ["),
    "no weights": ("llama", remove("model.safetensors"), "holds neither model.safetensors nor"),
    "cut weights": ("llama", truncate("model.safetensors", 9000), "model.safetensors: tensor"),
    "cut header": ("llama", truncate("model.safetensors", 900), "model.safetensors: offset 0"),
    "no shard": (
        "qwen3", remove("model-00002-of-00004.safetensors"),
        "model-00002-of-00004.safetensors: No such file",
    ),
    "shard outside": ("qwen3", redirect_shard, "expects the name of a .safetensors file beside it"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILE_ERRORS)
def test_bad_files(case: str, programs: Programs, tmp_path: Path) -> None:
    name, damage, words = FILE_ERRORS[case]
    folder = copy_with(name, tmp_path, lambda config: None)
    damage(folder)
    message = programs.failure("winnow-compile", folder, "-o", tmp_path / "artifact")
    assert str(folder) in message and words in message
    assert artifact_files(tmp_path / "artifact") == []
