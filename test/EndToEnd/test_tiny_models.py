"""Tiny models of every family and number format through the command line."""

import json
from pathlib import Path

import numpy as np
import pytest

from comparison import kl_divergence
from conftest import WITH_GOLDEN, Tiny
from make_tiny_models import MODELS
from programs import Artifacts, Programs
from reference import Transformer
from support import Support

EXACT_MODELS = [model.name for model in MODELS if model.exact and model.name in WITH_GOLDEN]


def largest(values: np.ndarray) -> float:
    return float(np.abs(values).max())


def test_exact_activations_agree_with_numpy(
    tiny: Tiny, programs: Programs, artifacts: Artifacts, support: Support, tmp_path: Path
) -> None:
    name = artifacts.get(tiny.path, "--activations=f32")
    logits = programs.logits(name, tiny.model.token_ids(), tmp_path / "logits.npy")
    assert logits.dtype == np.float32 and logits.shape == tiny.expected.shape
    assert largest(logits - tiny.expected) <= 1e-4 * largest(tiny.expected)
    support.add(tiny.path, name)


@pytest.mark.parametrize("tiny", EXACT_MODELS, indirect=True)
def test_float_models_agree_with_llama_cpp(
    tiny: Tiny, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    name = artifacts.get(tiny.path, "--activations=f32")
    logits = programs.logits(name, tiny.model.token_ids(), tmp_path / "logits.npy")
    # llama.cpp reads GELU from a table in half precision.
    bound = 1e-3 if tiny.model.architecture in ("gemma3", "gptneox") else 1e-4
    assert largest(logits - tiny.llama_cpp_logits) <= bound * largest(tiny.expected)


@pytest.mark.parametrize("tiny", WITH_GOLDEN, indirect=True)
def test_default_activations_are_as_good_as_llama_cpp(
    tiny: Tiny, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    name = artifacts.get(tiny.path)
    logits = programs.logits(name, tiny.model.token_ids(), tmp_path / "logits.npy")
    ours = kl_divergence(tiny.expected, logits).mean()
    theirs = kl_divergence(tiny.expected, tiny.llama_cpp_logits).mean()
    print(f"{tiny.model.name}: KL {ours:.2e}, llama.cpp {theirs:.2e}")
    # Sixty positions of one random model: two roundings of the same size can
    # differ by chance.
    assert ours <= 1.5 * theirs + 1e-7


@pytest.mark.parametrize("tiny", ["llama-f32", "gemma3-k-quants"], indirect=True)
def test_generated_ids_are_the_likeliest(
    tiny: Tiny, programs: Programs, artifacts: Artifacts
) -> None:
    name = artifacts.get(tiny.path, "--activations=f32")
    ids = tiny.model.token_ids()[:9]
    assert programs.generate(name, ids, 20) == Transformer(tiny.path).generate(ids, 20)


def test_artifact_is_four_files_and_compiles_to_the_same_bytes(
    tiny_paths: dict[str, Path], programs: Programs, tmp_path: Path
) -> None:
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        programs.compile(tiny_paths["llama-blocks-96"], tmp_path / folder / "model")
    for suffix in (".so", ".weights", ".h", ".json", ".tokenizer"):
        first, second = (tmp_path / folder / f"model{suffix}" for folder in ("first", "second"))
        assert first.read_bytes() == second.read_bytes(), suffix
    manifest = json.loads((tmp_path / "first" / "model.json").read_text())
    assert isinstance(manifest, dict)
