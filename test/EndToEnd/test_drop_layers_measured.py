"""`winnow-drop-layers` by measurement: candidates are compiled and run, and the choice
is the one that separate runs of `winnow-run --evaluate` lead to."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import gguf
import numpy as np
import pytest

from calibration import calibrate, expected_statistics, statistics_of
from evaluation import TEXT, evaluate, tokenize, windows_of
from fetch_minilm import minilm_path
from interpreter import Call, arguments_of
from programs import Artifacts, Programs, manifest, recipe

WINDOW = 24
ON = (f"--evaluate-window={WINDOW}", "--evaluate-on")


def decisions(
    programs: Programs, model: Path, name: Path, line: str, *options: object
) -> list[tuple[str, str]]:
    """What the pass dropped, and why."""
    programs.compile(model, name, recipe(name.parent, line), *map(str, options))
    return [(entry["name"], entry["what"]) for entry in manifest(name).get("decisions", [])]


def costs(
    artifacts: Artifacts, programs: Programs, model: Path, text: Path, folder: Path, gone: list[int]
) -> dict[int, float]:
    """The KL of each attention layer that is left, by itself, on top of `gone`."""
    plain = artifacts.get(model)
    found = {}
    for layer in range(len(manifest(plain)["entries"][0]["caches"])):
        if layer not in gone:
            listed = ",".join(map(str, sorted([*gone, layer])))
            line = f"winnow-drop-layers{{granularity=attention layers={listed}}}"
            name = artifacts.get(model, recipe(folder, line))
            options = ("--context", WINDOW, "--against", plain)
            found[layer] = evaluate(programs, name, text, *options)["kl"]
    return found


@pytest.mark.parametrize("model", ["llama-f32", "mistral-f32"])
def test_the_choice_is_that_of_separate_runs(
    model: str,
    tiny_paths: dict[str, Path],
    programs: Programs,
    artifacts: Artifacts,
    text: Path,
    tmp_path: Path,
) -> None:
    path = tiny_paths[model]
    line = "winnow-drop-layers{{granularity=attention count=2 metric=kl order={}}}"
    for folder in ("oneshot", "iterative"):
        (tmp_path / folder).mkdir()
    remarks = tmp_path / "remarks.yaml"
    once = decisions(
        programs,
        path,
        tmp_path / "oneshot" / "name",
        line.format("oneshot"),
        f"--remarks={remarks}",
        *ON,
        text,
    )
    alone = costs(artifacts, programs, path, text, tmp_path, [])
    assert len(alone) > 2 and min(alone.values()) > 1e-6
    ranking = sorted(alone, key=lambda layer: (alone[layer], layer))
    assert [name for name, _ in once] == [f"blk.{layer}.attention" for layer in ranking[:2]]
    for (_, why), layer in zip(once, ranking, strict=False):
        found = re.search(r"leads to a KL of ([0-9.]+), number", why)
        assert found, why
        np.testing.assert_allclose(float(found[1]), alone[layer], atol=6e-7)
    # What each candidate cost is a remark.
    assert remarks.read_text().count("without it and 0 others, KL ") == len(alone)

    one_by_one = decisions(
        programs, path, tmp_path / "iterative" / "name", line.format("iterative"), *ON, text
    )
    second = costs(artifacts, programs, path, text, tmp_path, [ranking[0]])
    expected = [ranking[0], min(second, key=lambda layer: (second[layer], layer))]
    assert [name for name, _ in one_by_one] == [f"blk.{layer}.attention" for layer in expected]
    assert "after 1 others, number 2 of" in one_by_one[1][1]


def test_a_silent_layer_goes_first(
    tiny_paths: dict[str, Path],
    programs: Programs,
    text: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """LLM-Drop's check, with nothing to lose: its KL is 0, and so is its cosine's
    distance from 1. The same files with any number of threads, and none elsewhere."""
    silent = tmp_path / "silent.gguf"
    silent.write_bytes(tiny_paths["llama-f32"].read_bytes())
    for tensor in gguf.GGUFReader(silent, "r+").tensors:
        if tensor.name.startswith("blk.1.attn_output."):
            tensor.data[...] = 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setenv("TMPDIR", str(elsewhere))
    files = []
    for threads in (1, 3):
        folder = tmp_path / str(threads)
        folder.mkdir()
        line = "winnow-drop-layers{granularity=joint count=1 metric=kl}"
        options = (f"--threads={threads}", *ON, text)
        [(name, why)] = decisions(programs, silent, folder / "name", line, *options)
        assert name == "blk.1.attention"
        assert "leads to a KL of 0.000000, number 1 of" in why
        files.append([(folder / f"name{s}").read_bytes() for s in (".so", ".weights", ".json")])
    assert files[0] == files[1]
    line = "winnow-drop-layers{granularity=attention count=1 metric=cosine order=iterative}"
    [(name, why)] = decisions(programs, silent, tmp_path / "name", line, *ON, text)
    assert name == "blk.1.attention" and "has cosine 1.000000 after 0 others" in why
    assert not os.listdir(elsewhere)


def test_similarity_is_observed_again(
    tiny_paths: dict[str, Path],
    programs: Programs,
    artifacts: Artifacts,
    text: Path,
    tmp_path: Path,
) -> None:
    """Against NumPy on the interpreted rows of the model without the first choice."""
    path = tiny_paths["llama-f32"]
    line = "winnow-drop-layers{granularity=joint count=2 metric=angle order=iterative}"
    options = (f"--evaluate-window={WINDOW + 1}", "--evaluate-on", text)
    found = decisions(programs, path, tmp_path / "name", line, *options)
    windows = windows_of(tokenize(programs, artifacts.get(path), TEXT.encode()), WINDOW)
    calls: list[Call | None] = []
    for window in windows:
        calls += [Call("observe", arguments_of(window)), None]
    gone: list[int] = []
    layers = [f"blk.{block}.{part}" for block in range(3) for part in ("attention", "mlp")]
    for step, (name, why) in enumerate(found):
        listed = ",".join(map(str, gone))
        before = f"winnow-drop-layers{{granularity=joint layers={listed}}}"
        expected, _ = expected_statistics(
            programs, path, calls, tmp_path / f"expected{step}", before
        )
        angles = {
            key.split("/")[1]: array[0]
            for key, array in expected.items()
            if key.startswith("similarity.angle/") and ".." not in key
        }
        assert len(angles) == len(layers) - step
        least = min(angles, key=lambda key: angles[key])
        assert name == least
        value = re.search(r"has angle ([0-9.]+) after", why)
        assert value and abs(float(value[1]) - angles[least]) < 2e-3
        gone.append(layers.index(name))
    assert len(gone) == 2


def test_tokens_and_texts_are_as_many_as_asked_for(
    tiny_paths: dict[str, Path], programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    """N tokens of two texts are N / 2 of each; more than there are is all."""
    path = tiny_paths["llama-f32"]
    plain = artifacts.get(path)
    parts = [TEXT, "Another text, of other words; nobody wrote it before. " * 4]
    texts = [tmp_path / f"{i}.txt" for i in range(2)]
    for file, content in zip(texts, parts, strict=True):
        file.write_text(content)
    line = "winnow-drop-layers{granularity=block count=1 metric=kl}"
    options = (*ON, *texts, "--evaluate-tokens=40")
    (_, why), (_, same) = decisions(programs, path, tmp_path / "name", line, *options)
    assert why.split(": ")[1] == same.split(": ")[1]
    windows = []
    for content in parts:
        ids = tokenize(programs, plain, content.encode())
        windows += windows_of(ids[: 1 + 20], WINDOW)
    without = programs.logits
    names = [
        artifacts.get(path, recipe(tmp_path, f"winnow-drop-layers{{layers={block}}}"))
        for block in range(3)
    ]

    def divergence(name: Path) -> float:
        total, rows = 0.0, 0
        for window in windows:
            p, q = (
                without(artifact, window[:-1], tmp_path / "logits.npy").astype(np.float64)
                for artifact in (plain, name)
            )
            p, q = (x - np.log(np.exp(x).sum(axis=-1, keepdims=True)) for x in (p, q))
            total += (np.exp(p) * (p - q)).sum()
            rows += len(p)
        assert rows == 40
        return total / rows

    expected = min(map(divergence, names))
    found = re.search(r"leads to a KL of ([0-9.]+)", why)
    assert found and abs(float(found[1]) - expected) < 1e-5 * max(expected, 1)


def test_none_is_the_identity(
    tiny_paths: dict[str, Path],
    programs: Programs,
    artifacts: Artifacts,
    text: Path,
    tmp_path: Path,
) -> None:
    path = tiny_paths["llama-f32"]
    plain = artifacts.get(path)
    name = tmp_path / plain.name
    line = "winnow-drop-layers{granularity=attention count=0 metric=kl order=iterative}"
    assert decisions(programs, path, name, line, *ON, text) == []
    for suffix in (".so", ".weights", ".json"):
        mine, theirs = (n.with_name(n.name + suffix).read_bytes() for n in (name, plain))
        assert mine == theirs


@pytest.mark.slow
def test_encoders(programs: Programs, artifacts: Artifacts, text: Path, tmp_path: Path) -> None:
    """The cosine error of MiniLM without a block, as `--evaluate` has it."""
    line = "winnow-drop-layers{granularity=block count=1 metric=kl protect=1,2,3,4}"
    options = ("--evaluate-on", text)
    (_, why), (_, same) = decisions(programs, minilm_path(), tmp_path / "name", line, *options)
    assert why.split(": ")[1] == same.split(": ")[1]
    found = {}
    for block in (0, 5):
        name = artifacts.get(
            minilm_path(), recipe(tmp_path, f"winnow-drop-layers{{layers={block}}}")
        )
        options = ("--against", artifacts.get(minilm_path()))
        found[block] = evaluate(programs, name, text, *options)["cosine_error"]
    best = min(found, key=lambda block: found[block])
    assert why.startswith("dropped with ") and f": block {best} leads to a cosine error of " in why
    value = re.search(r"cosine error of ([0-9.]+)", why)
    assert value and abs(float(value[1]) - found[best]) < 1e-6


def test_bad_input(
    tiny_paths: dict[str, Path], programs: Programs, text: Path, tmp_path: Path
) -> None:
    path = tiny_paths["llama-f32"]
    name = tmp_path / "name"
    line = recipe(tmp_path, "winnow-drop-layers{granularity=attention count=1 metric=kl}")

    def message(*options: object, model: Path = path) -> str:
        return programs.failure("winnow-compile", model, "-o", name, line, *options)

    assert message().endswith(
        "'metric=kl' of winnow-drop-layers needs texts to measure candidates on: "
        "winnow-compile --evaluate-on TEXTFILE"
    )
    assert message("--evaluate-on") == "--evaluate-on expects files of text behind it"
    for option in ("--evaluate-tokens", "--evaluate-window"):
        assert message(f"{option}=5") == f"{option} goes with --evaluate-on"
        assert "at least 1" in message(f"{option}=0", "--evaluate-on", text)
    missing, empty = tmp_path / "missing", tmp_path / "empty.txt"
    empty.write_text("")
    assert message("--evaluate-on", missing).startswith(f"'{missing}': ")
    assert f"'{empty}' has no token to predict" in message("--evaluate-on", text, empty)
    program = tmp_path / "program.mlir"
    program.write_text("module {}")
    assert "no vocabulary" in message("--evaluate-on", text, model=program)
    assert not list(tmp_path.glob("name*"))


def test_calibration_and_evaluation_in_one_command(
    tiny_paths: dict[str, Path], programs: Programs, text: Path, tmp_path: Path
) -> None:
    """Each flag takes the files behind it, and no others."""
    statistics = tmp_path / "statistics"
    lines = (
        "winnow-drop-layers{granularity=mlp count=1 metric=cosine}\n"
        "winnow-drop-layers{granularity=attention count=1 metric=kl}"
    )
    options = ("--calibrate", text, f"--statistics={statistics}", *ON, text)
    found = decisions(programs, tiny_paths["llama-f32"], tmp_path / "name", lines, *options)
    assert len(found) == 2 and statistics_of(statistics)
    assert json.loads((tmp_path / "name.json").read_text())["recipe"] == lines.split("\n")


@pytest.mark.parametrize("metric", ["kl", "angle"])
def test_statistics_have_texts(
    metric: str, tiny_paths: dict[str, Path], programs: Programs, text: Path, tmp_path: Path
) -> None:
    """Where none are named, those that statistics keep."""
    path = tiny_paths["llama-f32"]
    statistics = calibrate(programs, path, tmp_path / "statistics", text)
    line = f"winnow-drop-layers{{granularity=mlp count=2 metric={metric} order=iterative}}"
    kept, named = (
        decisions(programs, path, tmp_path / name, line, f"--statistics={statistics}", *options)
        for name, options in (("kept", ()), ("named", ("--evaluate-on", text)))
    )
    assert len(kept) == 2 and kept == named
