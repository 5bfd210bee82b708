"""`winnow-gate`: tokens that pass layers over, against NumPy, the plain model and
the model without the layers."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from artifact import Artifact, Session
from conftest import ROOT, Tiny
from hugging_face import read_safetensors, write_gguf, write_safetensors
from interpreted_model import interpret_model
from interpreter import Call, arguments_of
from programs import Artifacts, Programs, recipe
from reference.encoder import read_safetensors as read_floats
from reference.gates import Gate, GatedTextEncoder, GatedTransformer
from tiny_encoders import GOLDEN, goldens, relative, split

HF = ROOT / "test" / "Golden" / "hf"
# Biases, norms behind layers and of heads, parallel residuals, windows.
OTHERS = ("qwen2-f32", "gemma3-f32", "gptneox-f32", "mistral-f32")
EXACT = "--activations=f32"
TOKENS = 90


def gates() -> dict[str, Gate]:
    """Anew for each model, since thresholds are the model's."""
    return {
        "mlp": Gate("mlp", "cosine", (0, 1)),
        "mlp-norm": Gate("mlp", "norm", (1,), share=0.8),
        "mlp-random": Gate("mlp", "random", (0, 1), seed=5),
        "attention": Gate("attention", "norm", (1,)),
        "attention-random": Gate("attention", "random", (0, 1), seed=2**40 + 3),
        "block": Gate("block", "cosine", (1,)),
        "blocks-random": Gate("block", "random", (0, 1), share=0.4),
        "exit": Gate("block", "norm", (1,), exit=True),
        "exits-random": Gate("block", "random", (0, 1), exit=True, share=0.3, seed=9),
    }


def ids_of(tiny: Tiny) -> list[int]:
    return (tiny.model.token_ids() * 3)[:TOKENS]


def close(found: np.ndarray, expected: np.ndarray) -> bool:
    return np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


def in_company(session: Session, ids: list[int]) -> np.ndarray:
    """Logits of a sequence beside another one, a few tokens of each in turn."""
    rows = []
    other = [ids[0], *ids[::-1]]
    for first in range(0, len(ids), 7):
        mine = list(range(first, min(first + 7, len(ids))))
        both = [*(ids[i] for i in mine), *(other[i] for i in mine)]
        segments = [3] * len(mine) + [4] * len(mine)
        rows.append(session.prefill(both, positions=mine * 2, segments=segments)[: len(mine)])
    return np.concatenate(rows)


@pytest.mark.parametrize(
    ("tiny", "kind"),
    [("llama-f32", kind) for kind in gates()]
    + [(name, kind) for name in OTHERS for kind in ("mlp", "exits-random")],
    indirect=["tiny"],
)
def test_decoders(
    tiny: Tiny, kind: str, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    """The logits of the formula: compiled, in any number of threads and pieces,
    token by token, beside another sequence, and interpreted."""
    gate, ids = gates()[kind], ids_of(tiny)
    reference = GatedTransformer(tiny.path, gate)
    expected = reference(ids)
    assert all(0.05 < share < 0.97 for share in reference.shares), reference.shares
    options = (recipe(tmp_path, gate.text), EXACT)
    with Artifact(artifacts.get(tiny.path, *options)) as artifact:
        with artifact.session() as session:
            found = session.prefill(ids)
        with artifact.session(threads=3, piece=16) as session:
            np.testing.assert_array_equal(session.prefill(ids), found)
            assert session.cache_lengths() == [len(ids)] * tiny.model.layers
        with artifact.session(threads=2) as session:
            rows = [session.decode(token) for token in ids]
            np.testing.assert_array_equal(np.concatenate(rows), found)
        with artifact.session(threads=2) as session:
            np.testing.assert_array_equal(in_company(session, ids), found)
    assert close(found, expected)
    with Artifact(artifacts.get(tiny.path, EXACT)) as plain, plain.session() as session:
        assert not close(found, session.prefill(ids))
    calls, emitted = [Call("forward", arguments_of(ids))], (*options, "--emit=compressed")
    [[interpreted]] = interpret_model(programs, tiny.path, calls, tmp_path, emitted)
    assert close(interpreted, found)


@pytest.mark.parametrize("granularity", ["mlp", "attention", "block", "exit"])
@pytest.mark.parametrize("tiny", ["gemma3-k-quants", "gptneox-f32"], indirect=True)
def test_all_or_none(tiny: Tiny, granularity: str, artifacts: Artifacts, tmp_path: Path) -> None:
    """Where all tokens go through, the plain model bit for bit; where none does,
    the model without the layers."""
    ids = ids_of(tiny)
    counted = "block" if granularity == "exit" else granularity
    exits = "exit=true" if granularity == "exit" else ""
    dropped = range(1, tiny.model.layers) if exits else (1,)
    without = f"winnow-drop-layers{{granularity={counted} layers={','.join(map(str, dropped))}}}"

    def logits(*options: str) -> list[np.ndarray]:
        with Artifact(artifacts.get(tiny.path, *options)) as artifact:
            with artifact.session(threads=2) as session:
                found = [session.prefill(ids)]
                found += [session.decode(token) for token in ids[:5]]
        return found

    def gated(threshold: float) -> list[np.ndarray]:
        text = f"winnow-gate{{granularity={counted} layers=1 criterion=random {exits}"
        return logits(recipe(tmp_path, f"{text} threshold={threshold}}}"))

    plain, less = logits(), logits(recipe(tmp_path, without))
    for found, expected in zip(gated(1e-9), plain, strict=True):
        np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))
    for found, expected in zip(gated(1), less, strict=True):
        np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))
    assert not close(plain[0], less[0])


@pytest.mark.parametrize("criterion", ["cosine", "norm", "random", "router"])
@pytest.mark.parametrize("tiny", ["llama-f32"], indirect=True)
def test_identity(tiny: Tiny, criterion: str, artifacts: Artifacts, tmp_path: Path) -> None:
    """A threshold of 0 leaves every byte; more does not."""

    def files(*options: str) -> list[bytes]:
        name = artifacts.get(tiny.path, *options)
        suffixes = (".so", ".weights", ".json")
        return [name.with_name(name.name + suffix).read_bytes() for suffix in suffixes]

    def text(threshold: str) -> str:
        line = f"winnow-gate{{granularity=mlp layers=0,1 criterion={criterion}"
        return recipe(tmp_path, f"{line} threshold={threshold}}}")

    plain, nothing = files(), files(text("0"))
    assert plain == nothing
    if criterion != "router":
        some = files(text("0,1e-9"))
        assert all(a != b for a, b in zip(plain, some, strict=True))


def with_routers(folder: Path, weights: dict[int, np.ndarray]) -> Path:
    """A tiny Llama that has routers."""
    model = folder / "llama"
    shutil.copytree(HF / "llama", model)
    path = model / "model.safetensors"
    tensors = read_safetensors(path)
    tensors |= {f"winnow.router.{layer}.weight": weight for layer, weight in weights.items()}
    write_safetensors(path, tensors)
    return model


def test_routers(programs: Programs, artifacts: Artifacts, tmp_path: Path) -> None:
    """Weights of the checkpoint, and what is said where there are none."""
    config = json.loads((HF / "llama" / "config.json").read_text())
    rng = np.random.default_rng(1)
    shape = (1, config["hidden_size"])
    weights = {layer: rng.normal(size=shape).astype(np.float32) for layer in (0, 1)}
    model = with_routers(tmp_path, weights)
    ids = [1, 5, 9, 2, 30, 7, 7, 44, 11, 3, 8, 8, 21, 60, 4, 2]
    write_gguf(HF / "llama", tmp_path / "llama.gguf")
    gate = Gate("mlp", "router", (0, 1), weights=weights)
    expected = GatedTransformer(tmp_path / "llama.gguf", gate)(ids)
    with Artifact(artifacts.get(model, EXACT)) as artifact, artifact.session() as session:
        plain = session.prefill(ids)
    option = recipe(tmp_path, gate.text)
    with Artifact(artifacts.get(model, option, EXACT)) as artifact:
        with artifact.session(threads=2) as session:
            found = session.prefill(ids)
    assert close(found, expected) and not close(found, plain)
    message = programs.failure("winnow-compile", HF / "llama", "-o", tmp_path / "no", option)
    assert "winnow.router.0.weight" in message
    assert not list(tmp_path.glob("no.*"))


@pytest.mark.parametrize("tiny", ["llama-f32"], indirect=True)
def test_pruned_prompts(tiny: Tiny, artifacts: Artifacts, tmp_path: Path) -> None:
    """Gates of tokens some of which have left: all go through, or none does."""
    ids, span = ids_of(tiny), (3, 80)
    fastv = "winnow-prune-tokens{policy=fastv layer=1 keep=0.5}"

    def logits(line: str) -> list[np.ndarray]:
        options = (recipe(tmp_path, fastv, line),)
        with Artifact(artifacts.get(tiny.path, *options)) as artifact:
            with artifact.session(threads=2) as session:
                return [session.prefill_prompt(ids, span), session.decode(5)]

    gate = "winnow-gate{granularity=block layers=2 criterion=random threshold="
    for threshold, line in (("1e-9", ""), ("1", "winnow-drop-layers{granularity=block layers=2}")):
        for found, expected in zip(logits(f"{gate}{threshold}}}"), logits(line), strict=True):
            np.testing.assert_array_equal(found, expected)
    some = logits(f"{gate}0.5}}")[0]
    assert np.isfinite(some).all() and not close(some, logits("")[0])


@pytest.mark.parametrize(
    ("granularity", "criterion", "tap"),
    [("mlp", "norm", "blk.1.attention"), ("block", "cosine", "blk.0.attention..blk.0.mlp")],
)
@pytest.mark.parametrize("tiny", ["gemma3-f32"], indirect=True)
def test_shares(
    tiny: Tiny, granularity: str, criterion: str, tap: str, programs: Programs, tmp_path: Path
) -> None:
    """A share of tokens is the quantile of a calibration's scores."""
    text = tmp_path / "text.txt"
    text.write_text("The rain fell in torrents, except at occasional intervals. " * 20)
    found = tmp_path / "statistics"
    calibrated = (tiny.path, "--calibrate", text, "--observe=similarity", f"--statistics={found}")
    assert programs.execute("winnow-compile", *calibrated).returncode == 0
    quantiles = read_floats(found)[f"similarity.{criterion}_quantiles/{tap}"]
    line = f"winnow-gate{{granularity={granularity} criterion={criterion} layers=1 skip=0.305}}"
    options = (recipe(tmp_path, line), f"--statistics={found}")
    module = programs.compile(tiny.path, tmp_path / "m.mlir", *options, "--emit=compressed")
    [least] = re.findall(r"token_policy<least = (\S+) : f32>", module.read_text())
    assert float(least) == pytest.approx((quantiles[30] + quantiles[31]) / 2, rel=1e-5)
    name = programs.compile(tiny.path, tmp_path / "gated", *options)
    facts = json.loads(name.with_name("gated.json").read_text())
    [decision] = facts["decisions"]
    assert f"{criterion} of less than" in decision["what"]


@pytest.mark.parametrize("criterion", ["cosine", "norm", "random"])
@pytest.mark.parametrize("model", ["bert", "mpnet"])
def test_encoders(
    model: str, criterion: str, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    """Each text's hidden states, alone and in company, compiled and interpreted.
    The norm behind a layer goes with it."""
    golden = goldens(model)
    ids = split(golden["ids"], golden["lengths"])
    longest = max(ids, key=len).tolist()
    gate = Gate("mlp", criterion, (0, 1))
    reference = GatedTextEncoder(GOLDEN / model, gate)
    reference.hidden(longest)
    option = recipe(tmp_path, gate.text)
    with Artifact(artifacts.get(GOLDEN / model, option)) as artifact:
        with artifact.session(threads=1) as session:
            alone = [session.encode([text], embed=False)[0][0] for text in ids]
        with artifact.session(threads=3) as session:
            together, _ = session.encode(ids, embed=False)
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)
    found = together[[len(text) for text in ids].index(len(longest))]
    assert relative(found, reference.hidden(longest)) < 1e-4
    positions = np.concatenate([np.arange(len(text), dtype=np.int32) for text in ids])
    inputs = {
        "ids": golden["ids"],
        "positions": positions,
        "types": np.zeros(len(golden["ids"]), np.int32),
        "segments": np.repeat(np.arange(len(ids), dtype=np.int32), golden["lengths"]),
    }
    if model == "mpnet":
        del inputs["types"]
    calls, emitted = [Call("encode", inputs)], (option, "--emit=compressed")
    [[interpreted]] = interpret_model(programs, GOLDEN / model, calls, tmp_path, emitted)
    assert relative(interpreted, np.concatenate(together)) < 1e-5


@pytest.mark.parametrize("granularity", ["mlp", "attention", "block"])
def test_images(granularity: str, programs: Programs, artifacts: Artifacts, tmp_path: Path) -> None:
    """A number of tokens that is known when the model is compiled: all or none go
    through, and what native code makes of some is what the interpreter does."""
    image, results = goldens("vit")["image"], {}
    for threshold in ("1e-30", "0.05", "9"):
        text = f"winnow-gate{{granularity={granularity} layers=1 criterion=norm"
        results[threshold] = recipe(tmp_path, f"{text} threshold={threshold}}}")
    drop = recipe(tmp_path, f"winnow-drop-layers{{granularity={granularity} layers=1}}")

    def run(*options: str) -> np.ndarray:
        found = np.empty_like(goldens("vit")["result"])
        with Artifact(artifacts.get(GOLDEN / "vit", *options)) as artifact:
            with artifact.session(threads=2) as session:
                session.invoke("encode", [image], [found])
        return found

    np.testing.assert_array_equal(run(results["1e-30"]), run())
    np.testing.assert_array_equal(run(results["9"]), run(drop))
    calls, emitted = [Call("encode", {"image": image})], (results["0.05"], "--emit=compressed")
    [[interpreted]] = interpret_model(programs, GOLDEN / "vit", calls, tmp_path, emitted)
    assert relative(interpreted, run(results["0.05"])) < 1e-5
