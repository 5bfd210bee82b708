"""`winnow-kv-format`: keys and values that are stored as bf16 or int8, against NumPy,
the interpreter, and facts of the artifact."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from artifact import Artifact
from conftest import Tiny
from evaluation import evaluate
from fetch_gemma import gemma_path
from fetch_texts import texts
from interpreted_model import interpret_model
from interpreter import Call
from programs import Artifacts, Programs, manifest, recipe
from reference import Cache, Transformer
from reference.pruned_transformer import PrunedTransformer
from reference.rounded_cache import RoundedCache
from session_state import CacheShape, read_caches
from test_prune_prompts import fastv
from tiny_encoders import GOLDEN

FAMILIES = ("llama-f32", "mistral-f32", "qwen2-f32", "qwen3-f32", "gemma3-f32", "gptneox-f32")
FORMATS = [("bf16", "bf16"), ("int8", "int8"), ("f32", "int8"), ("int8", "bf16")]
BYTES = {"f32": 4, "bf16": 2, "int8": 1}
EXACT = "--activations=f32"


def line(key: str, value: str, more: str = "") -> str:
    return f"winnow-kv-format{{k={key} v={value}{more}}}"


def everywhere(tiny: Tiny, key: str, value: str) -> dict[int, tuple[str, str]]:
    return dict.fromkeys(range(tiny.model.layers), (key, value))


def close(found: np.ndarray, expected: np.ndarray, formats: tuple[str, ...] = ()) -> bool:
    """Where two programs round by themselves, a number halfway between two of the format
    may become the one or the other; everything else agrees to 1e-4."""
    bound = 2e-3 if set(formats) - {"f32"} else 1e-4
    return bool(np.abs(found - expected).max() <= bound * np.abs(expected).max())


def is_rounded(stored: np.ndarray, x: np.ndarray, kind: str) -> bool:
    """Whether each of `stored` is as close to the number of `x` as the format can."""
    noise = 1e-5 * np.abs(x).max(axis=-1, keepdims=True)
    if kind == "f32":
        return bool((np.abs(stored - x) <= noise).all())
    if kind == "bf16":
        # Steps are 2^-7 of a power of two.
        steps = np.exp2(np.floor(np.log2(np.maximum(np.abs(x), 1e-30))) - 7)
    else:
        steps = np.abs(x).max(axis=-1, keepdims=True) / 127
        codes = stored / steps
        if np.abs(codes - np.rint(codes)).max() > 1e-2:
            return False
    off = np.abs(stored - x)
    return bool((off <= steps / 2 + noise).all() and off.max() > np.max(steps) / 8)


class StoredCache(Cache):
    """Shows what an artifact stored, which has to be what it was given, rounded."""

    def __init__(self, stored: list[tuple[np.ndarray, np.ndarray]], formats: tuple[str, str]):
        super().__init__()
        self.stored, self.formats = stored, formats

    def append(
        self, layer: int, keys: np.ndarray, values: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        for found, given, kind in zip(
            self.stored[layer], (keys, values), self.formats, strict=True
        ):
            assert is_rounded(found, given, kind), (layer, kind)
        return self.stored[layer]


def bytes_of(name: str, channels: int) -> int:
    """Of a head and token: int8 has a scale of four bytes."""
    return channels * BYTES[name] + (4 if name == "int8" else 0)


@pytest.mark.parametrize("tiny", FAMILIES, indirect=True)
@pytest.mark.parametrize(("key", "value"), FORMATS)
def test_numpy_agrees(
    tiny: Tiny, key: str, value: str, artifacts: Artifacts, tmp_path: Path
) -> None:
    """What is stored is what was computed, rounded; logits are those of what is stored,
    of a prompt as of single tokens."""
    ids, model = tiny.model.token_ids(), tiny.model
    reference = Transformer(tiny.path)
    name = artifacts.get(tiny.path, recipe(tmp_path, line(key, value)), EXACT)
    with Artifact(name) as artifact, artifact.session(threads=2) as session:
        found = np.concatenate([session.prefill(ids[:-3]), *map(session.decode, ids[-3:])])
        state = session.state()
    shape = CacheShape(model.kv_heads, model.head_size, model.head_size, key, value)
    stored = read_caches(state, len(ids), found.shape[1], [shape] * model.layers)
    expected = reference.logits(reference.hidden(ids, StoredCache(stored, (key, value))))
    assert close(found, expected)
    # The rule as a whole, in NumPy.
    cache = RoundedCache(formats=everywhere(tiny, key, value))
    rounded = reference.logits(reference.hidden(ids, cache))
    assert close(found, rounded, (key, value))
    lost = np.abs(tiny.expected - rounded).max()
    assert lost > 4 * np.abs(found - rounded).max()


@pytest.mark.parametrize("tiny", ["llama-f32", "gemma3-f32"], indirect=True)
def test_layers_by_name(tiny: Tiny, artifacts: Artifacts, tmp_path: Path) -> None:
    """By the name of a layer or of its cache; the last line that names it counts."""
    text = "\n".join(
        [
            line("int8", "int8"),
            line("bf16", "keep", " only=blk.0.attention"),
            line("f32", "f32", " only=kv1"),
        ]
    )
    formats = everywhere(tiny, "int8", "int8") | {0: ("bf16", "int8"), 1: ("f32", "f32")}
    ids = tiny.model.token_ids()
    reference = Transformer(tiny.path)
    expected = reference.logits(reference.hidden(ids, RoundedCache(formats=formats)))
    name = artifacts.get(tiny.path, recipe(tmp_path, text), EXACT)
    with Artifact(name) as artifact, artifact.session() as session:
        assert close(session.prefill(ids), expected, ("int8",))
    types = manifest(name)["entries"][0]["caches"]
    for layer, (key, value) in formats.items():
        stored = f"key = {key}, value = {value}".replace("int8", "i8")
        assert stored in types[layer]


@pytest.mark.parametrize("tiny", ["gemma3-f32", "gptneox-f32"], indirect=True)
@pytest.mark.parametrize(("key", "value"), FORMATS)
def test_interpreter_agrees(
    tiny: Tiny, key: str, value: str, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    options = (recipe(tmp_path, line(key, value)), EXACT)
    ids = np.array(tiny.model.token_ids(), np.int32)
    with Artifact(artifacts.get(tiny.path, *options)) as artifact, artifact.session() as session:
        compiled = session.prefill(ids.tolist())
    numbers = np.arange(len(ids), dtype=np.int32)
    # Two pieces: what the first one stored is read by the second.
    calls = [
        Call("forward", {"ids": ids[part], "positions": numbers[part], "segments": 0 * ids[part],
                         "rows": numbers[: len(ids[part])]})
        for part in (slice(0, 20), slice(20, None))
    ]  # fmt: skip
    emitted = (*options, "--emit=compressed")
    results = interpret_model(programs, tiny.path, calls, tmp_path, emitted)
    assert close(compiled, np.concatenate([logits for [logits] in results]), (key, value))


@pytest.mark.parametrize("tiny", ["llama-f32"], indirect=True)
@pytest.mark.parametrize(("key", "value"), [("bf16", "bf16"), ("int8", "int8")])
def test_shorter_caches(
    tiny: Tiny, key: str, value: str, artifacts: Artifacts, tmp_path: Path
) -> None:
    """Caches of a pruned prompt, cut and saved; the passes in either order."""
    keep, span, length = {1: 0.5}, (3, 140), 150
    ids = np.random.default_rng(3).integers(0, tiny.expected.shape[1], length).tolist()
    reference = PrunedTransformer(tiny.path, keep)
    reference.make_cache = lambda **fields: RoundedCache(
        formats=everywhere(tiny, key, value), **fields
    )
    states, cache, seen = reference.prompt(ids, span)
    stays, lengths = seen[-1], [int(row.sum()) for row in seen]
    expected = reference.logits(states)[stays]
    following = [5, 3, 1]
    wanted = [reference.logits(reference.follow(token, cache, seen)) for token in following]
    prune = Path(fastv(tmp_path, keep).removeprefix("--recipe=")).read_text().strip()
    lines = (prune, line(key, value))
    names = [
        artifacts.get(tiny.path, recipe(tmp_path, "\n".join(order)), EXACT)
        for order in (lines, lines[::-1])
    ]
    results = []
    for name in names:
        with Artifact(name) as artifact, artifact.session(threads=2, context=200) as session:
            assert artifact.info().prunes_prompts == 1
            logits = session.prefill_prompt(ids, span)
            assert session.cache_lengths() == lengths
            assert close(logits[stays], expected, (key, value))
            state = session.state()
            decoded = [session.decode(token) for token in following]
            session.truncate(length)
            again = [session.decode(token) for token in following]
            session.set_state(state)
            loaded = [session.decode(token) for token in following]
        for one, two, three, other in zip(decoded, again, loaded, wanted, strict=True):
            np.testing.assert_array_equal(one, two)
            np.testing.assert_array_equal(one, three)
            assert close(one, other, (key, value))
        results.append([logits, *decoded])
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("tiny", ["gemma3-f32"], indirect=True)
@pytest.mark.parametrize(("key", "value"), [("f32", "f32"), *FORMATS])
def test_bytes(
    tiny: Tiny, key: str, value: str, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    """What the artifact says of its caches, and what a saved session takes of them."""
    model = tiny.model
    token = model.kv_heads * (bytes_of(key, model.head_size) + bytes_of(value, model.head_size))
    name = artifacts.get(tiny.path, recipe(tmp_path, line(key, value)))
    facts = manifest(name)
    for entry in facts["entries"]:
        assert entry["cache_bytes_per_token"] == [token] * model.layers
    # A profile counts what attention reads for each key.
    costs = [cost for stage in facts["entries"][0]["stages"] for cost in stage["costs"]]
    assert [cost["bytes"][2] for cost in costs if cost["bytes"][2]] == [token] * model.layers
    inspected = programs.execute("winnow-run", name, "--inspect")
    assert f"cache_bytes_per_token  {token:,} {token:,}" in inspected.stdout
    with Artifact(name) as artifact, artifact.session() as session:
        assert artifact.info().kv_bytes_per_token == token * model.layers
        session.prefill([1] * 16)
        before = len(session.state())
        session.prefill([2] * 32)
        # Beside keys and values: positions and segments of each cache and of all.
        ids = 8 * (model.layers + 1)
        assert len(session.state()) - before == 32 * (token * model.layers + ids)


@pytest.mark.parametrize("tiny", ["llama-f32"], indirect=True)
def test_keep_is_the_identity(tiny: Tiny, artifacts: Artifacts, tmp_path: Path) -> None:
    def files(*options: str) -> list[bytes]:
        name = artifacts.get(tiny.path, *options)
        suffixes = (".so", ".weights", ".json")
        return [name.with_name(name.name + suffix).read_bytes() for suffix in suffixes]

    def logits(*options: str) -> np.ndarray:
        with Artifact(artifacts.get(tiny.path, *options)) as artifact:
            with artifact.session() as session:
                return session.prefill(tiny.model.token_ids())

    plain = files()
    assert plain == files(recipe(tmp_path, line("keep", "keep")))
    assert plain == files(recipe(tmp_path, line("f32", "f32")))[:2] + plain[2:]
    for key, value in (("bf16", "keep"), ("keep", "int8")):
        option = recipe(tmp_path, line(key, value))
        assert all(one != other for one, other in zip(plain, files(option), strict=True))
        assert np.abs(logits(option) - logits()).max() > 0


@pytest.mark.parametrize("tiny", ["llama-f32"], indirect=True)
def test_remarks(
    tiny: Tiny, programs: Programs, artifacts: Artifacts, text: Path, tmp_path: Path
) -> None:
    """A decision for each cache, and with texts what all of them cost."""
    option = recipe(tmp_path, line("int8", "bf16"))
    plain, changed = artifacts.get(tiny.path), artifacts.get(tiny.path, option)
    decisions = manifest(changed)["decisions"]
    assert [decision["name"] for decision in decisions] == [
        f"blk.{layer}.attention" for layer in range(tiny.model.layers)
    ]
    model = tiny.model
    before = model.kv_heads * 2 * bytes_of("f32", model.head_size)
    after = model.kv_heads * (bytes_of("int8", model.head_size) + bytes_of("bf16", model.head_size))
    for decision in decisions:
        assert f"{before} bytes a token become {after}" in decision["what"]
    measured = artifacts.get(tiny.path, option, "--evaluate-on", str(text), "--evaluate-window=24")
    [last] = [one for one in manifest(measured)["decisions"] if one["name"] == "caches"]
    kl = evaluate(programs, changed, text, "--context", 24, "--against", plain)["kl"]
    assert kl > 0
    found = float(last["what"].split("KL ")[1].split(",")[0])
    assert abs(found - kl) < 1e-6 + 1e-3 * kl


def test_encoders_have_no_caches(programs: Programs, tmp_path: Path) -> None:
    option = recipe(tmp_path, line("bf16", "bf16"))
    message = programs.failure("winnow-compile", GOLDEN / "bert", "-o", tmp_path / "bert", option)
    assert "has no caches whose format winnow-kv-format could change" in message
    assert not list(tmp_path.glob("bert*"))


@pytest.mark.slow
def test_gemma(
    programs: Programs, artifacts: Artifacts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the formats do to a real model on prose, and what caches take. Activations
    are not rounded: a change of any size would round them in other places, which alone
    is a KL of 2e-3."""
    plain = artifacts.get(gemma_path(), "--activations=f32")
    path = tmp_path / "prose.txt"
    path.write_text(texts().evaluation.read_text()[:9000])
    rows = []
    for key, value in [("bf16", "bf16"), ("int8", "int8")]:
        option = recipe(tmp_path, line(key, value))
        name = artifacts.get(gemma_path(), option, "--activations=f32")
        found = evaluate(programs, name, path, "--context", 1024, "--against", plain)
        with Artifact(name) as artifact:
            rows.append((key, value, artifact.info().kv_bytes_per_token, found["kl"]))
    with capsys.disabled():
        print("\nGemma 3 270M: keys, values, cache bytes a token, KL from f32 caches")
        for key, value, size, kl in rows:
            print(f"  {key:>5} {value:>5} {size:>6} {kl:.2e}")
    assert 0 < rows[0][3] < 1e-3
    assert 0 < rows[1][3] < 1e-2
