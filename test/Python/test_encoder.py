"""Encoders: hidden states, embeddings, images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import winnow
from fetch_minilm import minilm_path
from programs import Artifacts, Programs
from tiny_encoders import GOLDEN, goldens, relative, sentence_transformer, split


@pytest.fixture(scope="module")
def bert(artifacts: Artifacts) -> winnow.Artifact:
    return winnow.Artifact(artifacts.get(GOLDEN / "bert"))


def test_hidden(bert: winnow.Artifact) -> None:
    golden = goldens("bert")
    texts = split(golden["ids"], golden["lengths"])
    assert (bert.hidden_width, bert.pooled_width, bert.embedding_width) == (30, 0, 0)
    with bert.session(threads=2) as session:
        found = session.hidden(texts)
        [alone] = session.hidden([texts[3].tolist()])
    assert [array.shape for array in found] == [(len(text), 30) for text in texts]
    for array, expected in zip(found, split(golden["hidden"], golden["lengths"]), strict=True):
        assert array.dtype == np.float32 and relative(array, expected) < 1e-4
    np.testing.assert_array_equal(alone, found[3])


def test_embed(tmp_path: Path) -> None:
    """Stored in fewer bits, too: that is not far off, and not the same."""
    model = sentence_transformer("bert", tmp_path, "mean", normalize=True)
    golden = goldens("bert")
    texts = split(golden["ids"], golden["lengths"])
    hidden = split(golden["hidden"], golden["lengths"])
    expected = np.stack([rows.mean(0) / np.linalg.norm(rows.mean(0)) for rows in hidden])
    with winnow.compile(model, tmp_path / "kept", progress=False) as artifact:
        found = artifact.embed(texts)
        assert found.dtype == np.float32 and found.shape == (len(texts), artifact.pooled_width)
    assert relative(found, expected) < 1e-4
    with winnow.compile(
        model, tmp_path / "bf16", weights="bf16", weights_skip="embeddings", progress=False
    ) as artifact:
        rounded = artifact.embed(texts)
        formats = {w["name"]: w["format"] for w in artifact.manifest["weights"]}
    assert 1e-4 < relative(rounded, expected) < 5e-2
    assert formats["embeddings.word_embeddings.weight"] == "f32"
    assert formats["encoder.layer.0.output.dense.weight"] == "bf16"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"weights": "q9"}, "weights expects keep, f32"),
        ({"weights_only": "["}, "weights_only expects a regular expression"),
        ({"weights_skip": 3}, "weights_skip expects a word"),
    ],
)
def test_bad_weights(option: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(winnow.InvalidArgumentError, match=message):
        winnow.compile(GOLDEN / "bert", tmp_path / "bad", progress=False, **option)
    assert not list(tmp_path.iterdir())


def test_bad_texts(
    bert: winnow.Artifact, tiny_paths: dict[str, Path], artifacts: Artifacts
) -> None:
    session = bert.session()
    for texts, error, message in (
        ([], winnow.InvalidArgumentError, "at least one text"),
        ("text", winnow.InvalidArgumentError, "a list of texts"),
        ([[1], []], winnow.InvalidArgumentError, "text 1 has no tokens"),
        ([[1.5]], winnow.InvalidArgumentError, "whole numbers"),
        ([[-1]], winnow.TokenRangeError, "token id -1"),
        ([[1] * 141], winnow.ContextOverrunError, "141 tokens"),
        (["a word"], winnow.UnsupportedError, "no tokenizer"),
    ):
        with pytest.raises(error, match=message):
            session.hidden(texts)  # type: ignore[arg-type]
    with pytest.raises(winnow.UnsupportedError, match="makes no embeddings"):
        session.embed([[1]])
    decoder = winnow.Artifact(artifacts.get(tiny_paths["llama-f32"]))
    with pytest.raises(winnow.UnsupportedError, match="no encoder of texts"):
        decoder.embed([[1]])


def test_ids_of_invoke_cannot_leave_the_table(bert: winnow.Artifact) -> None:
    def hidden(ids: list[int], types: list[int]) -> np.ndarray:
        arrays = {"ids": ids, "positions": [0, 1, 2], "types": types, "segments": [0, 0, 0]}
        given = {name: np.array(values, np.int32) for name, values in arrays.items()}
        return bert.session(threads=1).invoke("encode", **given)["hidden"]

    assert np.isfinite(hidden([0, 5, 60], [0, 0, 1])).all()
    for ids, types, message in (
        ([0, 5, 61], [0, 0, 1], "encode: 61 at index 2 of ids is not in [0, 61)"),
        ([0, -(2**31), 60], [0, 0, 1], f"encode: {-(2**31)} at index 1 of ids is not in [0, 61)"),
        ([0, 5, 60], [2, 0, -1], "encode: 2 at index 0 of types is not in [0, 2)"),
    ):
        with pytest.raises(winnow.IndexRangeError) as raised:
            hidden(ids, types)
        assert str(raised.value) == message and raised.value.status == 12


def test_image(artifacts: Artifacts) -> None:
    golden = goldens("vit_classifier")
    artifact = winnow.Artifact(artifacts.get(GOLDEN / "vit_classifier"))
    [entry] = artifact.entries
    outputs = artifact.session().invoke(entry, image=golden["image"])
    assert relative(outputs["logits"], golden["result"]) < 1e-4


@pytest.mark.slow
def test_sentences(programs: Programs, artifacts: Artifacts, tmp_path: Path) -> None:
    """Text through the vocabulary, as winnow-run embeds it."""
    name = artifacts.get(minilm_path())
    texts = ["A cat sleeps on the sofa.", "Grüße", ""]
    found = winnow.Artifact(name).embed(texts)
    lines = [part for text in texts[:2] for part in ("--prompt", text)]
    run = programs.execute("winnow-run", name, *lines, "--embedding", tmp_path / "out.npy")
    assert run.returncode == 0, run.stderr
    np.testing.assert_array_equal(found[:2], np.load(tmp_path / "out.npy"))
