"""Rows of the embedding table in place of token ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from artifact import Artifact, ArtifactError, Status
from make_tiny_models import MODELS
from programs import Artifacts, Programs
from reference.checkpoint import Checkpoint


def embed(path: Path, ids: list[int]) -> np.ndarray:
    """What the model makes of ids first, in float32: rows times the scale."""
    checkpoint = Checkpoint(path)
    rows = checkpoint.weight("token_embd.weight")[ids].astype(np.float32)
    gemma = checkpoint.config.architecture == "gemma3"
    return rows * np.float32(np.sqrt(rows.shape[1])) if gemma else rows


@pytest.mark.parametrize(
    "model", ["gemma3-f32", "gemma3-k-quants", "qwen2-blocks-160", "llama-f32"]
)
def test_rows_of_the_table_are_as_good_as_ids(
    model: str,
    tiny_paths: dict[str, Path],
    artifacts: Artifacts,
    programs: Programs,
    tmp_path: Path,
) -> None:
    path = tiny_paths[model]
    ids = next(tiny for tiny in MODELS if tiny.name == model).token_ids()
    rows = embed(path, ids)
    name = artifacts.get(path)
    expected = programs.logits(name, ids, tmp_path / "expected.npy")
    np.save(tmp_path / "rows.npy", rows)
    arguments = ("--embeddings", tmp_path / "rows.npy", "--logits", tmp_path / "logits.npy")
    result = programs.execute("winnow-run", name, *arguments)
    assert result.returncode == 0, result.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "logits.npy"), expected)
    with Artifact(name) as artifact, artifact.session(threads=2, piece=5) as session:
        assert artifact.info().embedding_width == rows.shape[1]
        # One sequence of both kinds.
        parts = [
            session.prefill_embeddings(rows[:7]),
            session.prefill(ids[7:20]),
            session.prefill_embeddings(rows[20:]),
        ]
        np.testing.assert_array_equal(np.concatenate(parts), expected)
        with pytest.raises(ArtifactError) as raised:
            session.prefill_embeddings(rows[:1, :-1])
        assert raised.value.status == Status.INVALID_ARGUMENT
        assert session.length == len(ids)
