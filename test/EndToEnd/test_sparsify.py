"""`winnow-sparsify`: a model without channels is one in which they are zero, and CFSP
chooses what NumPy chooses."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from artifact import Artifact
from calibration import calibrate, statistics_of
from conftest import ROOT, Tiny
from evaluation import TEXT, evaluate
from fetch_gemma import gemma_path
from fetch_texts import texts
from hugging_face import read_header
from interpreted_model import interpret_model
from interpreter import Call, arguments_of
from programs import Artifacts, Programs, manifest, recipe, run_fixed
from reference import Transformer
from reference.cfsp import choose, counts, shares

GOLDEN = ROOT / "test" / "Golden" / "hf"
EXACT = "--activations=f32"
GGUF = ("llama-f32", "llama3-f32", "mistral-f32", "qwen2-f32", "qwen3-f32", "gemma3-f32")
GGUF += ("gptneox-f32",)
DECODERS = ("gemma2", "gemma3", "gpt_neox", "gpt_neox_sequential", "llama", "phi3", "qwen2")
ENCODERS = ("encoders/bert", "encoders/mpnet", "encoders/vit", "encoders/vit_classifier")
READERS = {
    "mlp": re.compile(r"\.(ffn_down|(?<!attention\.)output\.dense)\.weight$"),
    "heads": re.compile(r"\.(attn_output|attention\.output\.dense|attn\.o)\.weight$"),
}


@dataclass(frozen=True)
class Statistics:
    """Random statistics of a model, in a file, and where they belong."""

    path: Path
    arrays: dict[str, np.ndarray]
    files: dict[str, str]
    """The tensor of the checkpoint that a weight comes from."""

    def readers(self, target: str) -> list[str]:
        """The weights that lose columns, by layers."""
        taps = [key.partition("/")[2] for key in self.arrays if key.startswith("channels.rms/")]
        found = [tap for tap in taps if READERS[target].search(tap)]
        return sorted(found, key=lambda tap: int(re.search(r"\d+", tap).group()))

    def kept(self, target: str, keep: float, channels: int, multiple: int = 1) -> dict[str, list]:
        """The columns that NumPy leaves of each weight."""
        readers = self.readers(target)
        blocks = [key for key in self.arrays if key.startswith("similarity.angle/") and ".." in key]
        blocks.sort(key=lambda key: int(re.search(r"\d+", key).group()))
        angles = [float(self.arrays[key][0]) for key in blocks]
        scores = [self.arrays[f"channels.rms/{tap}"] for tap in readers]
        found = choose(scores, angles, keep, channels, multiple)
        return {tap: places.tolist() for tap, places in zip(readers, found, strict=True)}


def write_statistics(path: Path, arrays: dict[str, np.ndarray], model: str) -> None:
    header: dict[str, object] = {
        "__metadata__": {"statistics": "1", "model": model, "tokens": "9", "readers": "{}"}
    }
    end = 0
    for key, array in arrays.items():
        begin, end = end, end + 4 * array.size
        header[key] = {"dtype": "F32", "shape": array.shape, "data_offsets": [begin, end]}
    text = json.dumps(header)
    text += " " * (-len(text) % 64 + 56)
    data = b"".join(array.astype("<f4").tobytes() for array in arrays.values())
    path.write_bytes(len(text).to_bytes(8, "little") + text.encode() + data)


def random_statistics(programs: Programs, model: Path, folder: Path, seed: int = 0) -> Statistics:
    """What a calibration could have found, with no two numbers equal."""
    taps = programs.compile(
        model,
        folder / "taps.mlir",
        recipe(folder, "winnow-observe{kinds=channels,similarity}"),
        EXACT,
        "--emit=compressed",
    ).read_text()
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, width in re.findall(
        r'observe +channels "(.*?)"\(.*?\) : tensor<.*?x(\d+)xf32>', taps
    ):
        arrays[f"channels.rms/{name}"] = rng.uniform(0.1, 1, int(width)).astype(np.float32)
    for name in re.findall(r'observe +similarity "(.*?)"', taps):
        arrays[f"similarity.angle/{name}"] = rng.uniform(0.2, 0.6, 1).astype(np.float32)
    path = folder / "random.statistics"
    write_statistics(path, arrays, "")
    message = programs.failure("winnow-compile", model, "-o", folder / "x", f"--statistics={path}")
    write_statistics(path, arrays, re.search(r"this one has '(\w+)'", message).group(1))
    params = re.findall(r'winnow.param @"?([^" ]+)"? from \{file = "(.*?)"', taps)
    return Statistics(path, arrays, dict(params))


def line(target: str, keep: float, *options: str) -> str:
    listed = "".join(f" {option}" for option in options)
    return f"winnow-sparsify{{target={target} keep={keep}{listed}}}"


def masked(tiny: Tiny, kept: dict[str, list]) -> Transformer:
    """The model with zeros in all other columns."""
    reference = Transformer(tiny.path)
    for name, columns in kept.items():
        weight = reference._need(name)
        reference._weights[name] = np.zeros_like(weight)
        reference._weights[name][:, columns] = weight[:, columns]
    return reference


def close(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-4) -> bool:
    return np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


def unit_of(tiny: Tiny, target: str) -> int:
    """Columns of one unit."""
    model = tiny.model
    return 1 if target == "mlp" else model.heads // model.kv_heads * model.head_size


@pytest.mark.parametrize("tiny", GGUF, indirect=True)
@pytest.mark.parametrize("target", ["mlp", "heads"])
def test_no_channels_are_zeros(
    tiny: Tiny, target: str, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    """Logits of compiled and interpreted programs, decoding, widths and sizes."""
    if target == "heads" and tiny.model.kv_heads == 1:
        pytest.skip("all heads share their keys")
    statistics = random_statistics(programs, tiny.path, tmp_path)
    option = recipe(tmp_path, line(target, 0.6, "multiple=1"))
    options = (option, f"--statistics={statistics.path}", EXACT)
    name = programs.compile(tiny.path, tmp_path / "sliced", *options)
    kept = statistics.kept(target, 0.6, unit_of(tiny, target))
    reference = masked(tiny, kept)
    ids = tiny.model.token_ids()
    expected = reference(ids)
    found = programs.logits(name, ids, tmp_path / "logits.npy")
    assert close(found, expected)
    assert not close(found, tiny.expected, 1e-2)
    emitted = (*options, "--emit=compressed")
    calls = [Call("forward", arguments_of(ids))]
    [[interpreted]] = interpret_model(programs, tiny.path, calls, tmp_path, emitted)
    assert close(interpreted, expected)
    assert programs.generate(name, ids[:9], 12) == reference.generate(ids[:9], 12)
    # Every weight that takes part is narrower, and no other.
    shapes = {weight["name"]: weight["shape"] for weight in manifest(name)["weights"]}
    whole = {w["name"]: w["shape"] for w in manifest(artifacts.get(tiny.path, EXACT))["weights"]}
    parts = ("ffn_gate", "ffn_up") if target == "mlp" else ("attn_q.", "attn_k.", "attn_v.")
    for weight, shape in shapes.items():
        layer = weight.partition(".ffn" if target == "mlp" else ".attn")[0]
        columns = [c for tap, c in kept.items() if tap.startswith(f"{layer}.")]
        if weight in kept:
            assert shape == [whole[weight][0], len(kept[weight])]
        elif any(part in weight for part in parts):
            share = len(columns[0]) / whole[next(t for t in kept if t.startswith(f"{layer}."))][1]
            assert shape[0] == round(share * whole[weight][0]) < whole[weight][0] or share == 1
        else:
            assert shape == whole[weight]
    assert (
        manifest(name)["weight_bytes"] < manifest(artifacts.get(tiny.path, EXACT))["weight_bytes"]
    )
    assert len(manifest(name)["decisions"]) == sum(len(kept[tap]) < whole[tap][1] for tap in kept)


def without_columns(model: Path, target: Path, kept: dict[str, list]) -> Path:
    """A directory of Hugging Face with zeros in all other columns of tensors."""
    shutil.copytree(model, target)
    path = target / "model.safetensors"
    data = bytearray(path.read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    header, _ = read_header(path)
    for name, columns in kept.items():
        begin, end = (start + offset for offset in header[name]["data_offsets"])
        rows, width = header[name]["shape"]
        matrix = np.frombuffer(data[begin:end], np.uint8).reshape(rows, width, -1).copy()
        zero = np.setdiff1d(np.arange(width), columns)
        matrix[:, zero] = 0
        data[begin:end] = matrix.tobytes()
    path.write_bytes(bytes(data))
    return target


def columns_of_group(model: Path) -> int:
    """Channels of the heads that share keys."""
    config = json.loads((model / "config.json").read_text())
    heads = config["num_attention_heads"]
    size = config.get("head_dim", config["hidden_size"] // heads)
    return heads // config.get("num_key_value_heads", heads) * size


@pytest.mark.parametrize("model", [*DECODERS, *ENCODERS])
@pytest.mark.parametrize("target", ["mlp", "heads"])
def test_checkpoints_with_zeros(
    model: str, target: str, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    """All families, some of which store q, k and v, or gate and up, as one tensor:
    the same as a checkpoint that has zeros."""
    path = GOLDEN / model
    config = json.loads((path / "config.json").read_text())
    if target == "heads" and config.get("num_key_value_heads", 2) == 1:
        pytest.skip("all heads share their keys")
    statistics = random_statistics(programs, path, tmp_path)
    channels = 1 if target == "mlp" else columns_of_group(path)
    kept = statistics.kept(target, 0.6, channels)
    option = recipe(tmp_path, line(target, 0.6, "multiple=1"))
    sliced = programs.compile(
        path, tmp_path / "sliced", option, f"--statistics={statistics.path}", EXACT
    )
    zeros = {statistics.files[tap]: columns for tap, columns in kept.items()}
    written = without_columns(path, tmp_path / "written", zeros)
    expected = run_fixed(
        programs, programs.compile(written, tmp_path / "zeros", EXACT), tmp_path / "e.npy"
    )
    found = run_fixed(programs, sliced, tmp_path / "f.npy")
    whole = run_fixed(programs, artifacts.get(path, EXACT), tmp_path / "w.npy")
    assert close(found, expected, 2e-5)
    assert not close(found, whole, 1e-3)
    assert manifest(sliced)["weight_bytes"] < manifest(artifacts.get(path, EXACT))["weight_bytes"]


@pytest.mark.parametrize("tiny", ["gptneox-blocks-160"], indirect=True)
def test_blocks_of_codes(tiny: Tiny, programs: Programs, tmp_path: Path) -> None:
    """Whole blocks keep their codes; other columns are rounded again, and the
    program says so."""
    statistics = random_statistics(programs, tiny.path, tmp_path)
    ids = tiny.model.token_ids()
    scores = [statistics.arrays[f"channels.rms/{tap}"] for tap in statistics.readers("mlp")]
    blocks = statistics.kept("mlp", 0.6, 32)
    options = (f"--statistics={statistics.path}", EXACT)
    whole = recipe(tmp_path, line("mlp", 0.6, "align=block"))
    name = programs.compile(tiny.path, tmp_path / "whole", whole, *options)
    assert close(programs.logits(name, ids, tmp_path / "l.npy"), masked(tiny, blocks)(ids))
    assert "recoded_weights" not in manifest(name)
    assert len(scores) == len([d for d in manifest(name)["decisions"] if "again" not in d["what"]])

    single = statistics.kept("mlp", 0.6, 1, 32)
    option = recipe(tmp_path, line("mlp", 0.6))
    name = programs.compile(tiny.path, tmp_path / "single", option, *options)
    expected = masked(tiny, single)(ids)
    found = programs.logits(name, ids, tmp_path / "l.npy")
    assert close(found, expected, 0.2)
    again = [d for d in manifest(name)["decisions"] if "are rounded again" in d["what"]]
    assert len(again) == manifest(name)["recoded_weights"]["tensors"] > 0
    calls = [Call("forward", arguments_of(ids))]
    emitted = (option, *options, "--emit=compressed")
    [[interpreted]] = interpret_model(programs, tiny.path, calls, tmp_path, emitted)
    assert close(found, interpreted)


@pytest.mark.parametrize("tiny", ["llama-f32"], indirect=True)
def test_identity(tiny: Tiny, programs: Programs, artifacts: Artifacts, tmp_path: Path) -> None:
    """keep=1 leaves every byte; one channel less, or one group of heads, does not."""
    statistics = random_statistics(programs, tiny.path, tmp_path)

    def files(*options: str) -> list[bytes]:
        name = artifacts.get(tiny.path, f"--statistics={statistics.path}", *options)
        module = tmp_path / f"{len(list(tmp_path.iterdir()))}.mlir"
        programs.compile(tiny.path, module, *options, f"--statistics={statistics.path}",
                         "--emit=compressed")  # fmt: skip
        suffixes = (".so", ".weights", ".json")
        parts = [name.with_name(name.name + suffix).read_bytes() for suffix in suffixes]
        return [*parts, module.read_bytes()]

    plain = files()
    total = tiny.model.layers * tiny.model.feed_forward
    for target, keep in (("mlp", 1 - 1 / total), ("heads", 1 - 1 / 6)):
        assert plain == files(recipe(tmp_path, line(target, 1.0, "multiple=1")))
        less = files(recipe(tmp_path, line(target, keep, "multiple=1")))
        assert all(a != b for a, b in zip(plain, less, strict=True))
        shapes = json.loads(less[2])["weights"]
        name = "ffn_up.weight" if target == "mlp" else "attn_k.weight"
        rows = sum(w["shape"][0] for w in shapes if w["name"].endswith(name))
        assert rows == (total - 1 if target == "mlp" else 5 * tiny.model.head_size)


@pytest.mark.parametrize("tiny", ["qwen2-f32"], indirect=True)
def test_by_a_calibration(tiny: Tiny, programs: Programs, tmp_path: Path) -> None:
    """Statistics as they are measured; a channel that is always zero costs nothing."""
    text = tmp_path / "text.txt"
    text.write_text(TEXT)
    path = calibrate(programs, tiny.path, tmp_path / "statistics", text)
    statistics = Statistics(path, statistics_of(path), {})
    option = recipe(tmp_path, line("mlp", 0.5, "multiple=1"))
    name = programs.compile(tiny.path, tmp_path / "half", option, f"--statistics={path}", EXACT)
    ids = tiny.model.token_ids()
    expected = masked(tiny, statistics.kept("mlp", 0.5, 1))(ids)
    assert close(programs.logits(name, ids, tmp_path / "logits.npy"), expected)


@pytest.mark.parametrize("tiny", ["llama-f32"], indirect=True)
def test_goes_with_other_passes(
    tiny: Tiny, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    """Behind and in front of passes that need statistics of what is left, as the
    interpreter computes it; and in programs with two entry points."""
    text = tmp_path / "text.txt"
    text.write_text(TEXT)
    kinds = "--observe=channels,gram,similarity"
    statistics = f"--statistics={calibrate(programs, tiny.path, tmp_path / 's', text, kinds)}"
    ids = tiny.model.token_ids()
    slicing = (line("mlp", 0.85), line("heads", 0.7))
    chains = [
        (*slicing, "winnow-quantize-weights{format=int4_g32 method=gptq}"),
        (*slicing, "winnow-quantize-weights{format=q4_0 method=awq}"),
        ("winnow-equalize{method=diagonal}", *slicing, "winnow-quantize-weights{format=q8_0}"),
        (*slicing, "winnow-equalize{method=diagonal}"),
        ("winnow-quantize-weights{format=q8_0}", *slicing),
        (*slicing, line("mlp", 0.7)),
        ("winnow-quantize-weights{format=q8_0 only=ffn}", "winnow-low-rank{rank=4}", *slicing),
    ]
    for number, chain in enumerate(chains):
        folder = tmp_path / str(number)
        folder.mkdir()
        options = (recipe(folder, *chain), statistics, EXACT)
        name = programs.compile(tiny.path, folder / "name", *options)
        found = programs.logits(name, ids, folder / "logits.npy")
        calls = [Call("forward", arguments_of(ids))]
        emitted = (*options, "--emit=compressed")
        [[interpreted]] = interpret_model(programs, tiny.path, calls, folder, emitted)
        assert close(found, interpreted), chain
    prune = "winnow-prune-tokens{policy=fastv layer=1 keep=0.5}"
    results = []
    for chain in ((prune, slicing[0]), (slicing[0], prune)):
        name = artifacts.get(tiny.path, recipe(tmp_path, *chain), statistics, EXACT)
        with Artifact(name) as artifact, artifact.session() as session:
            results.append(session.prefill_prompt(ids, (3, 50)))
    np.testing.assert_array_equal(*results)


def test_budgets() -> None:
    """Shares sum up to what stays, are below 1, and grow with the angle."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        layers = int(rng.integers(1, 40))
        angles = rng.uniform(0, 1, layers).tolist()
        sizes = rng.integers(20, 400, layers).tolist()
        keep = float(rng.uniform(0.05, 0.999))
        found = shares(angles, sizes, keep)
        assert np.isclose(np.dot(found, sizes), keep * sum(sizes))
        assert (found < 1).all()
        assert (np.argsort(found, kind="stable") == np.argsort(angles, kind="stable")).all()
        kept = counts(found, sizes, [1] * layers)
        if min(found * sizes) >= 1:
            assert abs(sum(kept) - keep * sum(sizes)) <= 0.5 + 1e-9


ERRORS = {
    "no statistics": (line("mlp", 0.5), "winnow-sparsify needs statistics: --statistics=FILE"),
    "keep": (line("mlp", 0), "expects 'keep' of winnow-sparsify in (0, 1]; found 0"),
    "too little": (
        line("mlp", 0.01),
        "'keep' of winnow-sparsify, 0.01, is less than can be left: 0.4211",
    ),
    "shared keys": (line("heads", 0.5), "all its heads share their keys"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case: str, tiny_paths: dict[str, Path], programs: Programs, tmp_path: Path) -> None:
    text, message = ERRORS[case]
    model = tiny_paths["mistral-f32" if case == "shared keys" else "llama-f32"]
    given = [recipe(tmp_path, text)]
    if case != "no statistics":
        given.append(f"--statistics={random_statistics(programs, model, tmp_path).path}")
    assert message in programs.failure("winnow-compile", model, "-o", tmp_path / "name", *given)
    assert not list(tmp_path.glob("name*"))


@pytest.mark.slow
def test_gemma(programs: Programs, artifacts: Artifacts, tmp_path: Path) -> None:
    """Less of a real model is smaller and further from it."""
    model = gemma_path()
    beginnings = []
    for text, size in ((texts().calibration, 20000), (texts().evaluation, 6000)):
        beginnings.append(tmp_path / text.name)
        beginnings[-1].write_text(text.read_text()[:size])
    statistics = f"--statistics={calibrate(programs, model, tmp_path / 's', beginnings[0])}"
    plain = artifacts.get(model)
    sizes, divergences = [manifest(plain)["weight_bytes"]], [0.0]
    for keep in (0.9, 0.75, 0.5):
        name = artifacts.get(model, recipe(tmp_path, line("mlp", keep)), statistics)
        options = ("--context", 512, "--against", plain)
        sizes.append(manifest(name)["weight_bytes"])
        divergences.append(evaluate(programs, name, beginnings[1], *options)["kl"])
        print(f"keep={keep}: {sizes[-1]} of {sizes[0]} bytes, KL {divergences[-1]:.4f}")
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(sizes)
    assert divergences == sorted(divergences)
    assert divergences[1] > 0
