"""Every target gives the same bits: kernels differ in instructions, never in the
sequence of IEEE operations. What this host cannot run is at least compiled."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from artifact import Artifact, ArtifactError, Status
from make_tiny_models import MODELS
from programs import Artifacts

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
    name: str, mode: str, target: str, tiny_paths: dict[str, Path], artifacts: Artifacts
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
        pytest.skip(str(error))
    assert (actual.view(np.uint32) == expected.view(np.uint32)).all()


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
