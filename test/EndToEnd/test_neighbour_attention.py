"""`winnow-neighbour-attention` (arXiv 2410.06169) in ViT, against NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from artifact import Artifact
from interpreted_model import interpret_model
from interpreter import Call
from programs import Artifacts, Programs, recipe
from reference.pruned_encoder import PrunedImageEncoder, Pruning
from tiny_encoders import GOLDEN, goldens, relative

# The images of these models have 3 x 4 patches.
LAYERS = 2
NOTHING = Pruning("evit", {})
CASES = {
    "all": ("window=3", {0: 3, 1: 3}, NOTHING),
    "one": ("window=3 layers=1", {1: 3}, NOTHING),
    "wider": ("window=5", {0: 5, 1: 5}, NOTHING),
    "fewer_tokens": ("window=3 layers=1", {1: 3}, Pruning("evit", {0: 0.6})),
    "merged_tokens": ("window=3 layers=1", {1: 3}, Pruning("tome", {0: 0.6})),
}


def encode(name: Path, entry: str, image: np.ndarray, like: np.ndarray, threads: int) -> np.ndarray:
    found = np.empty_like(like)
    with Artifact(name) as artifact, artifact.session(threads=threads) as session:
        session.invoke(entry, [image], [found])
    return found


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("model", ["vit", "vit_classifier"])
def test_patches_see_their_neighbours(
    model: str, case: str, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    options, windows, pruning = CASES[case]
    lines = [f"winnow-neighbour-attention{{{options}}}"]
    if pruning.keep:
        lines.insert(0, f"winnow-prune-tokens{{policy={pruning.policy} layer=0 keep=0.6}}")
    option = recipe(tmp_path, *lines)
    image, plain = goldens(model)["image"], goldens(model)["result"]
    expected = PrunedImageEncoder(GOLDEN / model, pruning, windows).result(image)
    without = PrunedImageEncoder(GOLDEN / model, pruning).result(image)
    entry = "classify" if model == "vit_classifier" else "encode"
    name = artifacts.get(GOLDEN / model, option)
    found = encode(name, entry, image, plain, 1)
    np.testing.assert_array_equal(encode(name, entry, image, plain, 3), found)
    assert relative(found, expected) < 1e-4
    # The class token of a last layer sees all.
    if entry == "encode" or 0 in windows:
        assert relative(found, without) > 1e-3
    calls = [Call(entry, {"image": image})]
    emitted = (option, "--emit=compressed")
    [[interpreted]] = interpret_model(programs, GOLDEN / model, calls, tmp_path, emitted)
    assert relative(interpreted, found) < 1e-5


@pytest.mark.parametrize("window", [0, 7, 9, 47])
def test_windows_of_all_patches(window: int, artifacts: Artifacts, tmp_path: Path) -> None:
    """What sees everything is the model itself; a window less is not."""
    plain = artifacts.get(GOLDEN / "vit")
    option = recipe(tmp_path, f"winnow-neighbour-attention{{window={window}}}")
    name = artifacts.get(GOLDEN / "vit", option)
    for suffix in (".so", ".weights"):
        same = plain.with_name(plain.name + suffix).read_bytes()
        assert name.with_name(name.name + suffix).read_bytes() == same
    less = artifacts.get(GOLDEN / "vit", recipe(tmp_path, "winnow-neighbour-attention{window=5}"))
    assert (
        less.with_name(less.name + ".so").read_bytes()
        != plain.with_name(plain.name + ".so").read_bytes()
    )
