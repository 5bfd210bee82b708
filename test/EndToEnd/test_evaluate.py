"""`winnow-run --evaluate`: against NumPy on the logits that `--logits` writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from comparison import kl_divergence, log_softmax
from evaluation import TEXT, evaluate, tokenize, window_logits, windows_of
from fetch_gemma import gemma_path
from fetch_minilm import minilm_path
from fetch_texts import texts
from programs import Artifacts, Programs

WINDOW = 24


@pytest.mark.parametrize("model", ["llama-f32", "gemma3-k-quants"])
def test_scores_are_numpys(
    model: str,
    tiny_paths: dict[str, Path],
    programs: Programs,
    artifacts: Artifacts,
    text: Path,
    tmp_path: Path,
) -> None:
    name = artifacts.get(tiny_paths[model])
    other = artifacts.get(tiny_paths[model], "--weights=bf16")
    ids = tokenize(programs, name, TEXT.encode())
    windows = windows_of(ids, WINDOW)
    assert len(windows) > 2
    mine = window_logits(programs, name, windows, tmp_path)
    theirs = window_logits(programs, other, windows, tmp_path)
    predicted = np.concatenate([window[1:] for window in windows])

    options = ("--context", WINDOW, "--against", other)
    found = evaluate(programs, name, text, *options)
    surprise = -np.take_along_axis(log_softmax(mine), predicted[:, None], axis=-1)
    kl = kl_divergence(theirs, mine).mean()
    agreement = (mine.argmax(axis=-1) == theirs.argmax(axis=-1)).mean()
    assert kl > 1e-7
    assert found["tokens"] == len(ids) - 1 == len(predicted)
    np.testing.assert_allclose(found["perplexity"], np.exp(surprise.mean()), rtol=1e-8)
    np.testing.assert_allclose(found["kl"], kl, rtol=1e-6)
    np.testing.assert_allclose(found["top1_agreement"], agreement, rtol=1e-8)
    assert found["bytes"] == name.with_name(name.name + ".weights").stat().st_size

    for threads in (1, 3):
        again = evaluate(programs, name, text, *options, "--threads", threads)
        del again["tokens_per_second"]
        assert again.items() <= found.items()
    alone = evaluate(programs, name, text, "--context", WINDOW)
    assert alone.keys() == {"perplexity", "tokens", "bytes", "tokens_per_second"}
    itself = evaluate(programs, name, text, "--against", name)
    assert itself["kl"] == 0 and itself["top1_agreement"] == 1


def test_bad_input(
    tiny_paths: dict[str, Path],
    programs: Programs,
    artifacts: Artifacts,
    text: Path,
    tmp_path: Path,
) -> None:
    name = artifacts.get(tiny_paths["llama-f32"])

    def message(*options: object) -> str:
        return programs.failure("winnow-run", name, *options)

    empty = tmp_path / "empty.txt"
    empty.write_text("")
    missing = tmp_path / "missing"
    assert message("--evaluate", empty) == f"'{empty}' has no token to predict"
    assert f"cannot open '{missing}'" in message("--evaluate", missing)
    assert "cannot load" in message("--evaluate", text, "--against", missing)
    assert message("--against", name) == "--against goes with --evaluate"
    assert message("--evaluate", text, "--prompt", "a") == "--evaluate takes no prompt"


@pytest.mark.slow
def test_vocabularies_have_to_agree(
    tiny_paths: dict[str, Path], programs: Programs, artifacts: Artifacts, text: Path
) -> None:
    small = artifacts.get(tiny_paths["llama-f32"])
    large = artifacts.get(gemma_path())
    message = programs.failure("winnow-run", large, "--evaluate", text, "--against", small)
    assert message.startswith(f"{large} and {small} cannot be compared: their vocabularies are")
    encoder = artifacts.get(minilm_path())
    assert "--against OTHER is needed" in programs.failure(
        "winnow-run", encoder, "--evaluate", text
    )


@pytest.mark.slow
def test_gemma_on_prose(programs: Programs, artifacts: Artifacts, tmp_path: Path) -> None:
    """A language model predicts prose; NumPy agrees on what it costs."""
    path = tmp_path / "prose.txt"
    prose = texts().evaluation.read_text()[:2000]
    path.write_text(prose)
    name = artifacts.get(gemma_path())
    found = evaluate(programs, name, path, "--context", 256)
    windows = windows_of(tokenize(programs, name, prose.encode()), 256)
    logits = window_logits(programs, name, windows, tmp_path)
    predicted = np.concatenate([window[1:] for window in windows])
    surprise = [-log_softmax(row)[token] for row, token in zip(logits, predicted, strict=True)]
    np.testing.assert_allclose(found["perplexity"], np.exp(np.mean(surprise)), rtol=1e-7)
    assert 2 < found["perplexity"] < 60


@pytest.mark.slow
def test_encoders(programs: Programs, artifacts: Artifacts, text: Path, tmp_path: Path) -> None:
    """The mean over lines of what NumPy says of their embeddings."""
    name = artifacts.get(minilm_path())
    other = artifacts.get(minilm_path(), "--weights=q8_0")
    embeddings = []
    for artifact in (name, other):
        output = tmp_path / "embeddings.npy"
        result = programs.execute(
            "winnow-run", artifact, "--prompt-file", text, "--embedding", output
        )
        assert result.returncode == 0, result.stderr
        embeddings.append(np.load(output).astype(np.float64))
    cosines = np.sum(embeddings[0] * embeddings[1], axis=-1)
    cosines /= np.prod([np.linalg.norm(rows, axis=-1) for rows in embeddings], axis=0)
    found = evaluate(programs, other, text, "--against", name)
    np.testing.assert_allclose(found["cosine_error"], 1 - cosines.mean(), rtol=1e-6)
    assert found["cosine_error"] > 1e-6
    assert found["texts"] == len(cosines)
    assert evaluate(programs, name, text, "--against", name)["cosine_error"] < 1e-12
