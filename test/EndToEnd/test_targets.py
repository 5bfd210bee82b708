"""Every target gives the same bits: kernels differ in instructions, never in the
sequence of IEEE operations. What this host cannot run is at least compiled."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from artifact import Artifact, ArtifactError, Status
from conftest import ROOT
from make_tiny_models import MODELS
from programs import Artifacts, Programs
from support import Support

# Block formats of 32 and of 256 on integers, bf16, and plain floats.
CASES = [
    ("llama-blocks-96", "auto"),
    ("qwen3-k-quants", "auto"),
    ("llama-small-floats", "auto"),
    ("gemma3-f32", "f32"),
]
TARGETS = ["x86-64-v3", "x86-64-v4", "icelake-server", "sapphirerapids"]


def logits(name: Path, ids: list[int]) -> np.ndarray:
    """All logits of a sequence: its first half in one piece, the rest one by one."""
    with Artifact(name) as artifact, artifact.session() as session:
        middle = len(ids) // 2
        parts = [session.prefill(ids[:middle])]
        parts += [session.decode(token) for token in ids[middle:]]
        return np.concatenate(parts)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("name", "mode"), CASES)
def test_same_bits(
    name: str,
    mode: str,
    target: str,
    tiny_paths: dict[str, Path],
    artifacts: Artifacts,
    support: Support,
) -> None:
    ids = next(model for model in MODELS if model.name == name).token_ids()
    expected = logits(artifacts.get(tiny_paths[name], f"--activations={mode}"), ids)
    other = artifacts.get(
        tiny_paths[name], f"--activations={mode}", f"--target-cpu={target}", "--quiet"
    )
    try:
        actual = logits(other, ids)
    except ArtifactError as error:
        # Compiled, and refused rather than run into an illegal instruction.
        assert error.status == Status.UNSUPPORTED_CPU
        support.unavailable.add(target)
        pytest.skip(str(error))
    assert (actual.view(np.uint32) == expected.view(np.uint32)).all()
    support.add(tiny_paths[name], other, target)


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("gemma2", "--logits"),
        ("gpt_neox", "--logits"),
        ("phi3", "--logits"),
        ("encoders/bert", "--hidden"),
        ("encoders/mpnet", "--hidden"),
        ("encoders/vit", "--hidden"),
    ],
)
def test_same_bits_of_directories(
    name: str,
    result: str,
    programs: Programs,
    artifacts: Artifacts,
    support: Support,
    tmp_path: Path,
) -> None:
    """Without AVX-512, families that come from directories of Hugging Face."""
    model = ROOT / "test" / "Golden" / "hf" / name
    data = ("--ids", "5,9,3,7,11,2,30,8,1,6,4")
    if name.endswith("vit"):
        with np.load(model / "goldens.npz") as arrays:
            np.save(tmp_path / "image.npy", arrays["image"])
        data = ("--image", str(tmp_path / "image.npy"))
    found = []
    for options in ([], ["--target-cpu=x86-64-v3"]):
        output = tmp_path / "result.npy"
        finished = programs.execute(
            "winnow-run", artifacts.get(model, *options), *data, result, output
        )
        assert finished.returncode == 0, finished.stderr
        found.append(np.load(output).view(np.uint32))
    assert (found[0] == found[1]).all()
    support.add(model, artifacts.get(model, *options), "x86-64-v3")


@pytest.mark.parametrize(
    ("name", "mode", "target", "expected"),
    [
        ("llama-small-floats", "auto", "sapphirerapids", True),
        ("llama-small-floats", "auto", "x86-64-v4", False),
        ("llama-small-floats", "f32", "sapphirerapids", False),
        ("llama-blocks-96", "auto", "sapphirerapids", False),
    ],
)
def test_needs_bf16_where_it_is_used(
    name: str,
    mode: str,
    target: str,
    expected: bool,
    tiny_paths: dict[str, Path],
    artifacts: Artifacts,
) -> None:
    """A processor without BF16 dot products runs what does not multiply bf16."""
    options = [f"--activations={mode}", f"--target-cpu={target}", "--quiet"]
    path = artifacts.get(tiny_paths[name], *options)
    manifest = json.loads(path.with_suffix(".json").read_text())
    assert manifest["target"]["avx512_bf16"] == expected
