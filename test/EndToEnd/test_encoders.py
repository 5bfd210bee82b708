"""Encoders of Hugging Face directories: tiny models against what `transformers`
computed (scripts/record_encoder_goldens.py) and against NumPy, and what holds for
all of them: a text's results do not depend on its company."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from artifact import Artifact, ArtifactError, Status
from interpreted_model import interpret_model
from interpreter import Call
from programs import Artifacts, Programs, join
from reference.encoder import TextEncoder
from support import Support
from tiny_encoders import GOLDEN, POOLING, goldens, relative, sentence_transformer, split

TEXT = ("bert", "mpnet")


@pytest.mark.parametrize("name", TEXT)
def test_hidden_states(name: str, artifacts: Artifacts, support: Support) -> None:
    golden = goldens(name)
    texts = split(golden["ids"], golden["lengths"])
    expected = split(golden["hidden"], golden["lengths"])
    reference = TextEncoder(GOLDEN / name)
    with Artifact(artifacts.get(GOLDEN / name)) as artifact:
        for threads in (1, 2):
            with artifact.session(threads=threads) as session:
                hidden, _ = session.encode(texts, embed=False)
        assert artifact.info().pooled_width == 0
    for text, found, wanted in zip(texts, hidden, expected, strict=True):
        assert relative(found, wanted) < 1e-4
        assert relative(found, reference.hidden(text.tolist())) < 1e-4
    support.add(GOLDEN / name, artifacts.get(GOLDEN / name))


@pytest.mark.parametrize("name", TEXT)
def test_company_does_not_matter(name: str, artifacts: Artifacts) -> None:
    """Bit for bit: alone, in any order, cut into pieces, on any threads."""
    golden = goldens(name)
    texts = split(golden["ids"], golden["lengths"]) * 3
    with Artifact(artifacts.get(GOLDEN / name)) as artifact:
        with artifact.session() as session:
            alone = [session.encode([text], embed=False)[0][0] for text in texts]
        order = np.random.default_rng(0).permutation(len(texts))
        for threads, piece in ((1, 0), (2, 0), (3, 64), (2, 1)):
            with artifact.session(threads=threads, piece=piece) as session:
                together, _ = session.encode([texts[i] for i in order], embed=False)
            for index, found in zip(order, together, strict=True):
                np.testing.assert_array_equal(found, alone[index])


@pytest.mark.parametrize("pooling", POOLING)
@pytest.mark.parametrize("normalize", [False, True])
def test_pooling(pooling: str, normalize: bool, programs: Programs, tmp_path: Path) -> None:
    model = sentence_transformer("bert", tmp_path, pooling, normalize)
    golden = goldens("bert")
    texts = split(golden["ids"], golden["lengths"])
    with (
        Artifact(programs.compile(model, tmp_path / "pooled")) as artifact,
        artifact.session(threads=2) as session,
    ):
        _, embeddings = session.encode(texts)
    for found, hidden in zip(embeddings, split(golden["hidden"], golden["lengths"]), strict=True):
        expected = {"mean": hidden.mean(0), "cls": hidden[0], "max": hidden.max(0)}[pooling]
        if normalize:
            expected = expected / np.linalg.norm(expected)
        assert relative(found, expected) < 1e-4
    shown = programs.execute("winnow-run", tmp_path / "pooled", "--inspect").stdout
    kind = {"cls": "first"}.get(pooling, pooling)
    facts = {"pooling": kind, "normalized": "yes" if normalize else "no", "layers": "3"}
    for key, value in facts.items():
        assert re.search(rf"^ +{key} +{value}$", shown, re.MULTILINE), (key, shown)
    assert re.search(r"f32 +tile16 +encoder.layer.2.output.dense.weight", shown)


@pytest.mark.parametrize(("name", "option"), [("vit", "--hidden"), ("vit_classifier", "--logits")])
def test_images(
    name: str,
    option: str,
    programs: Programs,
    artifacts: Artifacts,
    support: Support,
    tmp_path: Path,
) -> None:
    golden = goldens(name)
    np.save(tmp_path / "image.npy", golden["image"])
    arguments = ("--image", tmp_path / "image.npy", option, tmp_path / "out.npy")
    result = programs.execute("winnow-run", artifacts.get(GOLDEN / name), *arguments)
    assert result.returncode == 0, result.stderr
    assert relative(np.load(tmp_path / "out.npy"), golden["result"]) < 1e-4
    support.add(GOLDEN / name, artifacts.get(GOLDEN / name))


@pytest.mark.parametrize("name", [*TEXT, "vit", "vit_classifier"])
def test_interpreted_models(
    name: str, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    """The imported program in the reference interpreter: what Transformers
    computed, and closer still to what the compiled one computes."""
    golden = goldens(name)
    with Artifact(artifacts.get(GOLDEN / name)) as artifact, artifact.session() as session:
        if name in TEXT:
            expected = golden["hidden"]
            compiled = np.concatenate(
                session.encode(split(golden["ids"], golden["lengths"]), embed=False)[0]
            )
            entry, arguments = "encode", packed(golden["ids"], golden["lengths"])
        else:
            expected = golden["result"]
            compiled = np.empty_like(expected)
            entry = "classify" if name == "vit_classifier" else "encode"
            arguments = {"image": golden["image"]}
            session.invoke(entry, [golden["image"]], [compiled])
    calls = [Call(entry, arguments)]
    [[found]] = interpret_model(programs, GOLDEN / name, calls, tmp_path)
    assert relative(found, expected) < 1e-4
    assert relative(found, compiled) < 1e-5


def packed(ids: np.ndarray, lengths: np.ndarray) -> dict[str, np.ndarray]:
    """The inputs of an entry point for all texts at once: a segment for each."""
    return {
        "ids": ids,
        "positions": np.concatenate([np.arange(length, dtype=np.int32) for length in lengths]),
        "types": np.zeros(len(ids), np.int32),
        "segments": np.repeat(np.arange(len(lengths), dtype=np.int32), lengths),
    }


def test_command_line(programs: Programs, artifacts: Artifacts, tmp_path: Path) -> None:
    golden = goldens("bert")
    ids = split(golden["ids"], golden["lengths"])[3]
    name = artifacts.get(GOLDEN / "bert")
    path = tmp_path / "hidden.npy"
    result = programs.execute("winnow-run", name, "--ids", join(ids.tolist()), "--hidden", path)
    assert result.returncode == 0, result.stderr
    assert relative(np.load(path), split(golden["hidden"], golden["lengths"])[3]) < 1e-4
    expected = path.read_bytes()
    (tmp_path / "ids.txt").write_text(" ".join(map(str, ids)))
    result = programs.execute(
        "winnow-run", name, "--ids-file", tmp_path / "ids.txt", "--hidden", path
    )
    assert result.returncode == 0, result.stderr
    assert path.read_bytes() == expected
    message = programs.failure("winnow-run", name, "--ids", "1", "--embedding", path)
    assert "makes no embeddings" in message
    for option in (("-n", 5), ("--stop", "a"), ("--logits", path), ("--save-session", path)):
        message = programs.failure("winnow-run", name, "--ids", "1", *option)
        assert message.endswith(f" is an encoder of texts, which has no {option[0]}")
    report = programs.execute(
        "winnow-run", name, "--bench", "--length", 9, "--batch", 3, "--threads", 1, "--json"
    )
    values = json.loads(report.stdout)
    assert values["length"] == 9 and values["batch"] == 3 and values["seconds"] > 0


@pytest.mark.parametrize(
    ("texts", "status"),
    [
        ([[1], []], Status.INVALID_ARGUMENT),
        ([[1, 61]], Status.TOKEN_OUT_OF_RANGE),
        ([[-1]], Status.TOKEN_OUT_OF_RANGE),
        ([[1] * 141], Status.CONTEXT_OVERRUN),
    ],
)
def test_bad_texts(texts: list[list[int]], status: Status, artifacts: Artifacts) -> None:
    with Artifact(artifacts.get(GOLDEN / "bert")) as artifact, artifact.session() as session:
        with pytest.raises(ArtifactError) as caught:
            session.encode(texts, embed=False)
        assert caught.value.status == status
        with pytest.raises(ArtifactError, match="makes no embeddings"):
            session.encode([[1]])
        session.encode([[1]], embed=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_attention_heads": 7}, "multiple of num_attention_heads"),
        ({"hidden_act": "tanh"}, "hidden_act expects gelu"),
        ({"num_hidden_layers": 4}, "is missing"),
        ({"num_hidden_layers": 2}, "is not part of a bert model with 2 layers"),
        ({"intermediate_size": 48}, "has shape 49x30, expects 48x30"),
        ({"vocab_size": 0}, "vocab_size"),
        ({"model_type": "bart"}, "'bart' is not supported"),
    ],
)
def test_bad_configurations(
    change: dict[str, object], message: str, programs: Programs, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(GOLDEN / "bert", model)
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, **change}))
    error = programs.failure("winnow-compile", model, "-o", tmp_path / "bad")
    assert message in error
    assert not list(tmp_path.glob("bad*"))


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ("[1]", "'type' and a 'path'"),
        ('[{"type": "a.Dense", "path": "2_Dense"}]', "'a.Dense' is not supported"),
        ('[{"type": "a.Pooling", "path": "../1_Pooling"}]', "a folder's name"),
        ("nonsense", "modules.json"),
    ],
)
def test_bad_modules(modules: str, message: str, programs: Programs, tmp_path: Path) -> None:
    model = sentence_transformer("bert", tmp_path, "mean", normalize=True)
    (model / "modules.json").write_text(modules)
    assert message in programs.failure("winnow-compile", model, "-o", tmp_path / "bad")
