"""`winnow-compile --calibrate`: against NumPy on rows that the interpreter computes."""

from __future__ import annotations

import json
from pathlib import Path

import gguf
import numpy as np
import pytest

from calibration import KINDS, calibrate, expected_statistics, facts_of, statistics_of
from evaluation import TEXT, tokenize, windows_of
from fetch_minilm import minilm_path
from interpreter import Call, arguments_of
from programs import Programs, recipe

WINDOW = 24


def compare(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for key, array in expected.items():
        # Kernels and interpreter differ by rounding, which arccos blows up near 1.
        bound = 2e-3 if key.startswith("similarity.angle") else 1e-4 * max(np.abs(array).max(), 1)
        assert found[key].shape == array.shape
        assert np.abs(found[key] - array).max() <= bound, key


@pytest.mark.parametrize("model", ["llama-f32", "gemma3-k-quants"])
def test_statistics_of_decoders(
    model: str, tiny_paths: dict[str, Path], programs: Programs, tmp_path: Path
) -> None:
    path = tiny_paths[model]
    text = tmp_path / "text.txt"
    text.write_text(TEXT)
    options = (text, f"--observe={KINDS}", f"--calibrate-window={WINDOW + 1}")
    output = calibrate(programs, path, tmp_path / "all.statistics", *options)
    artifact = programs.compile(path, tmp_path / "plain")
    windows = windows_of(tokenize(programs, artifact, TEXT.encode()), WINDOW)
    assert len(windows) > 2
    calls: list[Call] = []
    for window in windows:
        calls += [Call("observe", arguments_of(window)), None]
    expected, rows = expected_statistics(programs, path, calls, tmp_path / "expected")
    compare(statistics_of(output), expected)
    assert facts_of(output)["tokens"] == str(rows)
    # The same bytes with any number of threads; fewer kinds are a part of them.
    for threads in (1, 3):
        again = calibrate(programs, path, tmp_path / "again", *options, f"--threads={threads}")
        assert again.read_bytes() == output.read_bytes()
    some = calibrate(
        programs, path, tmp_path / "some", *options[:1], options[2], "--observe-only=attention$"
    )
    names = statistics_of(some)
    assert names and all(key.startswith("similarity.") for key in names)
    for key, array in names.items():
        np.testing.assert_array_equal(array, statistics_of(output)[key])


@pytest.mark.slow
def test_statistics_of_encoders(programs: Programs, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    lines = ["The rain fell in torrents.", "", "Nobody heard it.", "word " * 600]
    text.write_text("\n".join(lines))
    output = calibrate(programs, minilm_path(), tmp_path / "statistics", text, f"--observe={KINDS}")
    artifact = programs.compile(minilm_path(), tmp_path / "plain")
    context = json.loads(artifact.with_name("plain.json").read_text())["context"]
    calls = []
    for line in filter(None, lines):
        ids = np.array(tokenize(programs, artifact, line.strip().encode())[:context], np.int32)
        numbers = np.arange(len(ids), dtype=np.int32)
        inputs = {"positions": numbers, "segments": 0 * numbers, "types": 0 * numbers}
        calls.append(Call("observe", {"ids": ids, **inputs}))
    expected, rows = expected_statistics(programs, minilm_path(), calls, tmp_path / "expected")
    compare(statistics_of(output), expected)
    assert facts_of(output)["tokens"] == str(rows)


def test_layers_are_chosen_by_what_they_change(
    tiny_paths: dict[str, Path], programs: Programs, tmp_path: Path
) -> None:
    path = tiny_paths["gemma3-f32"]
    text = tmp_path / "text.txt"
    text.write_text(TEXT)
    output = calibrate(programs, path, tmp_path / "statistics", text)
    found = statistics_of(output)
    for metric, kind, sign in (("cosine", "cosine", -1), ("angle", "angle", 1)):
        keys = [key for key in found if key.startswith(f"similarity.{kind}/") and ".." not in key]
        keys.sort(key=lambda key: sign * found[key][0])
        line = recipe(tmp_path, f"winnow-drop-layers{{granularity=joint count=2 metric={metric}}}")
        options = (line, f"--statistics={output}")
        artifact = programs.compile(path, tmp_path / metric, *options)
        facts = json.loads(artifact.with_name(f"{metric}.json").read_text())
        names = [decision["name"] for decision in facts["decisions"]]
        assert names == [key.split("/")[1] for key in keys[:2]]


def test_a_silent_layer_goes_first_and_changes_nothing(
    tiny_paths: dict[str, Path], programs: Programs, tmp_path: Path
) -> None:
    """LLM-Drop's check: an output projection of zeros gives a similarity of 1."""
    silent = tmp_path / "silent.gguf"
    silent.write_bytes(tiny_paths["llama-f32"].read_bytes())
    for tensor in gguf.GGUFReader(silent, "r+").tensors:
        if tensor.name.startswith("blk.1.attn_output."):
            tensor.data[...] = 0
    text = tmp_path / "text.txt"
    text.write_text(TEXT)
    output = calibrate(programs, silent, tmp_path / "statistics", text)
    line = recipe(tmp_path, "winnow-drop-layers{granularity=attention count=1}")
    dropped = programs.compile(silent, tmp_path / "dropped", line, f"--statistics={output}")
    facts = json.loads(dropped.with_name("dropped.json").read_text())
    assert [decision["name"] for decision in facts["decisions"]] == ["blk.1.attention"]
    ids = [1, 5, 9, 2, 30, 7]
    mine = programs.logits(dropped, ids, tmp_path / "mine.npy")
    plain = programs.compile(silent, tmp_path / "plain")
    np.testing.assert_array_equal(mine, programs.logits(plain, ids, tmp_path / "plain.npy"))
    assert statistics_of(output)["similarity.cosine/blk.1.attention"] == 1
    # Statistics that no pass reads leave no trace.
    (tmp_path / "again").mkdir()
    again = programs.compile(silent, tmp_path / "again" / "plain", f"--statistics={output}")
    for suffix in (".so", ".weights", ".json"):
        first, second = (name.with_name("plain" + suffix) for name in (plain, again))
        assert first.read_bytes() == second.read_bytes()


def test_bad_input(tiny_paths: dict[str, Path], programs: Programs, tmp_path: Path) -> None:
    path, other = tiny_paths["llama-f32"], tiny_paths["gemma3-f32"]
    text, empty = tmp_path / "text.txt", tmp_path / "empty.txt"
    text.write_text(TEXT)
    empty.write_text("")
    output = tmp_path / "statistics"

    def message(*options: object, model: Path = path) -> str:
        return programs.failure("winnow-compile", model, *options)

    statistics = f"--statistics={output}"
    assert message("--calibrate", statistics) == "--calibrate expects files of text behind it"
    assert message("--calibrate", text) == "--calibrate goes with --statistics=FILE"
    assert message("-o", tmp_path / "x", "--observe=gram") == "--observe goes with --calibrate"
    assert "no tokens" in message("--calibrate", empty, statistics)
    assert f"'{tmp_path / 'no'}'" in message("--calibrate", tmp_path / "no", statistics)
    assert "channels, gram or similarity" in message(
        "--calibrate", text, statistics, "--observe=grams"
    )
    assert "of that name" in message("--calibrate", text, statistics, "--observe-only=nothing")
    assert "regular expression" in message("--calibrate", text, statistics, "--observe-only=(")
    program = tmp_path / "program.mlir"
    program.write_text("module {}")
    assert "no vocabulary" in message("--calibrate", text, statistics, model=program)
    folder = "/nowhere/statistics"
    assert folder in message("--calibrate", text, f"--statistics={folder}")
    assert list(tmp_path.glob("statistics*")) == []

    calibrate(programs, path, output, text)
    name = ("-o", tmp_path / "name")
    assert "statistics of another model" in message(*name, statistics, model=other)
    stored = output.read_bytes()
    for old, new, expected in (
        (b'"statistics":"1"', b'"statistics":"2"', "holds no statistics"),
        (b"similarity.cosine", b"similarity.cosinE", "is no statistic"),
    ):
        output.write_bytes(stored.replace(old, new, 1))
        error = message(*name, statistics)
        assert error.startswith(f"{output}: ") and expected in error
    output.write_bytes(stored[:-1])
    error = message(*name, statistics)
    assert error.startswith(f"{output}: tensor ") and "expects data_offsets" in error
    numbers = np.frombuffer(stored[-64:], np.float32).copy()
    numbers[0] = np.nan
    output.write_bytes(stored[:-64] + numbers.tobytes())
    assert "holds NaN at index" in message(*name, statistics)
    assert not list(tmp_path.glob("name*"))
