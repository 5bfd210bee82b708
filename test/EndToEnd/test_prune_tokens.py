"""`winnow-prune-tokens` in encoders, against the papers' formulas in NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from artifact import Artifact
from fetch_minilm import minilm_path
from interpreted_model import interpret_model
from interpreter import Call
from programs import Artifacts, Programs, recipe
from reference.encoder import TextEncoder
from reference.pruned_encoder import PrunedImageEncoder, PrunedTextEncoder, Pruning, Tokens
from tiny_encoders import GOLDEN, goldens, relative, sentence_transformer, split

PRUNINGS = {
    "evit": Pruning("evit", {0: 0.5}),
    "evit_twice": Pruning("evit", {0: 0.7, 1: 0.6}, last=1),
    "evit_last_layer": Pruning("evit", {1: 0.3}),
    "fused": Pruning("evit", {0: 0.5}, fuse=True),
    "fused_twice": Pruning("evit", {0: 0.7, 1: 0.3}, last=1, fuse=True),
    "threshold": Pruning("threshold", {0: 0.02}),
    "threshold_twice": Pruning("threshold", {0: 0.02, 1: 0.05}, last=1),
    "threshold_ends": Pruning("threshold", {0: 1}, first=2, last=2),
    "tome": Pruning("tome", {0: 0.5}),
    "tome_twice": Pruning("tome", {0: 0.7, 1: 0.6}, first=2),
    "turbo": Pruning("turbo", {0: 0.7, 1: 0.6}, alpha=8),
    "tome_ends": Pruning("tome", {0: 0.6, 1: 0.5}, first=1, last=1),
}


def line(pruning: Pruning) -> str:
    """The recipe of a pruning."""
    layers = ",".join(map(str, pruning.keep))
    numbers = ",".join(map(str, pruning.keep.values()))
    return (
        f"winnow-prune-tokens{{policy={pruning.policy} layer={layers}"
        f" {budget_of(pruning.policy)}={numbers}"
        f" first={pruning.first} last={pruning.last} alpha={pruning.alpha}"
        f" fuse={str(pruning.fuse).lower()}}}"
    )


def budget_of(policy: str) -> str:
    """The option that says how much stays."""
    return "threshold" if policy == "threshold" else "keep"


def texts_of(model: str) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """Texts of a tiny model, and the inputs of its entry point."""
    golden = goldens(model)
    texts = split(golden["ids"], golden["lengths"])
    inputs = {
        "ids": golden["ids"],
        "positions": np.concatenate([np.arange(len(text), dtype=np.int32) for text in texts]),
        "types": np.zeros(len(golden["ids"]), np.int32),
        "segments": np.repeat(np.arange(len(texts), dtype=np.int32), golden["lengths"]),
    }
    if model == "mpnet":
        del inputs["types"]
    return texts, inputs


@pytest.mark.parametrize("pruning", PRUNINGS.values(), ids=PRUNINGS)
@pytest.mark.parametrize("model", ["bert", "mpnet"])
def test_hidden_states(
    model: str, pruning: Pruning, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    """Each text's hidden states, alone and in company, compiled and interpreted."""
    option = recipe(tmp_path, line(pruning))
    texts, inputs = texts_of(model)
    reference = PrunedTextEncoder(GOLDEN / model, pruning)
    with Artifact(artifacts.get(GOLDEN / model, option)) as artifact:
        with artifact.session(threads=1) as session:
            alone = [session.encode([text], embed=False)[0][0] for text in texts]
        with artifact.session(threads=3) as session:
            together, _ = session.encode(texts, embed=False)
    plain = TextEncoder(GOLDEN / model)
    changed = 0.0
    for text, one, other in zip(texts, alone, together, strict=True):
        np.testing.assert_array_equal(one, other)
        expected = reference.hidden(text.tolist())
        assert relative(one, expected) < 1e-4
        changed = max(changed, relative(one, plain.hidden(text.tolist())))
    assert changed > 1e-2
    emitted = (option, "--emit=compressed")
    calls = [Call("encode", inputs)]
    [[found]] = interpret_model(programs, GOLDEN / model, calls, tmp_path, emitted)
    assert relative(found, np.concatenate(together)) < 1e-5


@pytest.mark.parametrize("pruning", PRUNINGS.values(), ids=PRUNINGS)
def test_embeddings(pruning: Pruning, programs: Programs, tmp_path: Path) -> None:
    """A mean over what is left, weighted by the tokens that are in it."""
    model = sentence_transformer("bert", tmp_path, "mean", normalize=True)
    (tmp_path / "recipes").mkdir()
    option = recipe(tmp_path / "recipes", line(pruning))
    texts, _ = texts_of("bert")
    reference = PrunedTextEncoder(GOLDEN / "bert", pruning)
    name = programs.compile(model, tmp_path / "pooled", option)
    with Artifact(name) as artifact, artifact.session(threads=2) as session:
        _, embeddings = session.encode(texts)
    for text, found in zip(texts, embeddings, strict=True):
        assert relative(found, reference.embedding(text.tolist())) < 1e-4


@pytest.mark.parametrize("pruning", PRUNINGS.values(), ids=PRUNINGS)
@pytest.mark.parametrize("model", ["vit", "vit_classifier"])
def test_images(
    model: str, pruning: Pruning, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    """Models whose number of tokens is known when they are compiled."""
    option = recipe(tmp_path, line(pruning))
    image = goldens(model)["image"]
    expected = PrunedImageEncoder(GOLDEN / model, pruning).result(image)
    plain = goldens(model)["result"]
    entry = "classify" if model == "vit_classifier" else "encode"
    with Artifact(artifacts.get(GOLDEN / model, option)) as artifact:
        for threads in (1, 2):
            found = np.empty_like(plain)
            with artifact.session(threads=threads) as session:
                session.invoke(entry, [image], [found])
            assert relative(found, expected) < 1e-4
    # Behind the last attention, the class token does not see the others.
    if entry == "encode" or min(pruning.keep) == 0:
        assert relative(found, plain) > 1e-3
    emitted = (option, "--emit=compressed")
    calls = [Call(entry, {"image": image})]
    [[interpreted]] = interpret_model(programs, GOLDEN / model, calls, tmp_path, emitted)
    assert relative(interpreted, found) < 1e-5


@pytest.mark.parametrize("model", ["bert", "mpnet", "vit"])
def test_reference_without_pruning(model: str) -> None:
    """With nothing pruned, the formulas above are those of `transformers`."""
    nothing = Pruning("evit", {})
    golden = goldens(model)
    if model == "vit":
        found = PrunedImageEncoder(GOLDEN / model, nothing).result(golden["image"])
        assert relative(found, golden["result"]) < 1e-4
        return
    reference = PrunedTextEncoder(GOLDEN / model, nothing)
    expected = split(golden["hidden"], golden["lengths"])
    for text, hidden in zip(split(golden["ids"], golden["lengths"]), expected, strict=True):
        assert relative(reference.hidden(text.tolist()), hidden) < 1e-4


def test_both_policies_in_order(artifacts: Artifacts, tmp_path: Path) -> None:
    """Merged tokens keep counting as many where others leave later: a recipe of
    two passes."""
    tome, evit = Pruning("tome", {0: 0.6}), Pruning("evit", {1: 0.6})
    option = recipe(tmp_path, line(tome), line(evit))

    class Both(Pruning):
        def apply(self, layer: int, *rest: object) -> Tokens:
            return (tome if layer == 0 else evit).apply(layer, *rest)

    reference = PrunedTextEncoder(GOLDEN / "bert", Both("tome", {}))
    texts, _ = texts_of("bert")
    with Artifact(artifacts.get(GOLDEN / "bert", option)) as artifact:
        with artifact.session() as session:
            hidden, _ = session.encode(texts, embed=False)
    for text, found in zip(texts, hidden, strict=True):
        assert relative(found, reference.hidden(text.tolist())) < 1e-4


@pytest.mark.parametrize("policy", ["evit", "tome", "turbo", "threshold"])
@pytest.mark.parametrize("model", ["bert", "vit"])
def test_everything_kept_is_the_identity(
    model: str, policy: str, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    """keep=1, and threshold=0, leave every byte; one token less does not, nor does
    the least threshold."""

    def files(*options: str) -> list[bytes]:
        name = artifacts.get(GOLDEN / model, *options)
        module = tmp_path / f"{len(list(tmp_path.iterdir()))}.mlir"
        programs.compile(GOLDEN / model, module, *options, "--emit=compressed")
        suffixes = (".so", ".weights", ".json")
        parts = [name.with_name(name.name + suffix).read_bytes() for suffix in suffixes]
        return [*parts, module.read_bytes()]

    budget = budget_of(policy)
    all_of, fewer = ("1.0", "1,0.99") if budget == "keep" else ("0", "0,1e-45")

    def option(numbers: str) -> str:
        line = f"winnow-prune-tokens{{policy={policy} layer=0,1 {budget}={numbers}}}"
        return recipe(tmp_path, line)

    plain, nothing, less = files(), files(option(all_of)), files(option(fewer))
    assert plain == nothing
    assert all(a != b for a, b in zip(plain, less, strict=True))


def test_fused_tokens_of_nothing(artifacts: Artifacts, tmp_path: Path) -> None:
    """Where no token leaves there is none more: with keep=0.99, of texts of up to
    100 tokens all stay, and their numbers are those of the plain model."""
    texts, _ = texts_of("bert")
    found = []
    for recipes in ((), (recipe(tmp_path, line(Pruning("evit", {0: 0.99}, fuse=True))),)):
        with Artifact(artifacts.get(GOLDEN / "bert", *recipes)) as artifact:
            with artifact.session() as session:
                found.append(session.encode(texts, embed=False)[0])
    for plain, fused in zip(*found, strict=True):
        assert np.array_equal(plain, fused) == (len(plain) <= 100)


def test_fused_counts() -> None:
    """EViT's 197 tokens are 140, 100 and 72 behind three layers, with a fused one
    among each."""
    rng = np.random.default_rng(0)
    pruning = Pruning("evit", {3: 0.7, 6: 0.7, 9: 0.7}, fuse=True)
    tokens, counts = Tokens.all(rng.normal(size=(197, 4)).astype(np.float32)), []
    for layer in (3, 6, 9):
        rows = len(tokens.states)
        weights = rng.dirichlet(np.ones(rows), (2, rows))
        tokens = pruning.apply(layer, tokens, weights, np.zeros((rows, 2, 3)))
        counts.append(len(tokens.states))
    assert counts == [140, 100, 72]


def test_no_attention_is_too_little(artifacts: Artifacts, tmp_path: Path) -> None:
    """The least threshold leaves all tokens that get any attention, and their
    numbers."""
    texts, _ = texts_of("bert")
    found = []
    for threshold in ("0", "1e-45"):
        pruning = f"winnow-prune-tokens{{policy=threshold layer=0,1 threshold={threshold}}}"
        with Artifact(artifacts.get(GOLDEN / "bert", recipe(tmp_path, pruning))) as artifact:
            with artifact.session() as session:
                found.append(np.concatenate(session.encode(texts, embed=False)[0]))
    np.testing.assert_array_equal(*found)


def test_turbo_between_its_ends(artifacts: Artifacts, tmp_path: Path) -> None:
    """With alpha 0 it is ToMe; with a large alpha it goes by attention alone."""
    texts, _ = texts_of("bert")

    def hidden(pruning: Pruning) -> np.ndarray:
        name = artifacts.get(GOLDEN / "bert", recipe(tmp_path, line(pruning)))
        with Artifact(name) as artifact, artifact.session() as session:
            return np.concatenate(session.encode(texts, embed=False)[0])

    tome, turbo = Pruning("tome", {0: 0.7}), Pruning("turbo", {0: 0.7}, alpha=0)
    np.testing.assert_array_equal(hidden(tome), hidden(turbo))
    far = [hidden(Pruning("turbo", {0: 0.7}, alpha=alpha)) for alpha in (1e6, 1e7)]
    np.testing.assert_array_equal(*far)
    assert np.abs(far[0] - hidden(tome)).max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["evit", "tome"])
def test_minilm(policy: str, artifacts: Artifacts, tmp_path: Path) -> None:
    """Embeddings of a real model: those of the formula, and the closer to what
    they were the more tokens stay."""
    model = minilm_path()
    rng = np.random.default_rng(0)
    texts = [[101, *rng.integers(1996, 12000, length).tolist(), 102] for length in (3, 30, 61, 126)]
    plain = TextEncoder(model)
    before = np.stack([plain.embedding(text) for text in texts])
    errors = []
    for keep in (0.9, 0.7, 0.5):
        pruning = Pruning(policy, {1: keep, 3: keep})
        reference = PrunedTextEncoder(model, pruning)
        expected = np.stack([reference.embedding(text) for text in texts])
        option = recipe(tmp_path, line(pruning))
        with Artifact(artifacts.get(model, option)) as artifact:
            with artifact.session(threads=2) as session:
                _, found = session.encode(texts)
        assert (1 - (found * expected).sum(1)).max() < 1e-4
        errors.append(1 - (found * before).sum(1).mean())
    assert errors == sorted(errors)
