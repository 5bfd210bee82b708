"""`winnow-compile --report`: what it says against the manifests of both artifacts."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from calibration import calibrate
from evaluation import TEXT, evaluate
from programs import Artifacts, Programs, manifest, recipe, size_of

MODEL = "llama-blocks-96"
LINES = """winnow-drop-layers{granularity=attention layers=1}
winnow-quantize-weights{format=q4_0 only="mlp"}"""
VOID = {"meta", "br", "path", "circle"}


class Page(HTMLParser):
    """Text of a page whose elements all end in order, and what it refers to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.references: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "script"
        self.references += [str(v) for k, v in attrs if k in ("src", "href", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.references += [str(v) for k, v in attrs if k in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_report(
    tiny_paths: dict[str, Path],
    programs: Programs,
    artifacts: Artifacts,
    text: Path,
    tmp_path: Path,
) -> None:
    path = tiny_paths[MODEL]
    statistics = calibrate(
        programs, path, tmp_path / "statistics", text, "--observe=channels,gram,similarity"
    )
    plain = artifacts.get(path)
    files = [tmp_path / "report.html", tmp_path / "report.json"]
    options = (recipe(tmp_path, LINES), f"--statistics={statistics}")
    name = programs.compile(
        path, tmp_path / "name", *options, *(f"--report={file}" for file in files)
    )
    # The artifact is what it is without.
    (tmp_path / "other").mkdir()
    other = programs.compile(path, tmp_path / "other" / "name", *options)
    for suffix in (".so", ".weights", ".json"):
        one, two = (n.with_name(n.name + suffix).read_bytes() for n in (name, other))
        assert one == two

    report = json.loads(files[1].read_text())
    before, after = manifest(plain), manifest(name)
    assert (report["bytes_before"], report["bytes"]) == tuple(size_of(n) for n in (plain, name))
    assert report["recipe"] == LINES.splitlines() and report["model"] == path.name
    weights = {w["name"]: w for layer in report["layers"] for w in layer["weights"]}
    assert weights.keys() == {w["name"] for w in before["weights"]}
    for weight in before["weights"]:
        assert weights[weight["name"]]["format_before"] == weight["format"]
    left = {w["name"]: w for w in after["weights"]}
    for key, weight in weights.items():
        assert weight.get("format") == left.get(key, {}).get("format")
        assert weight["bytes"] == left.get(key, {}).get("bytes", 0)
        for error in ("relative_rms_error", "relative_output_error"):
            assert weight.get(error) == left.get(key, {}).get(error)
    assert sum(w["format_before"] != w.get("format") for w in weights.values()) >= 10
    assert any(
        w["relative_output_error"] > 0 for w in weights.values() if "relative_output_error" in w
    )

    layers = {layer["name"]: layer for layer in report["layers"]}
    assert [n for n, layer in layers.items() if not layer["kept"]] == ["blk.1.attention"]
    assert "attention 1 is in the list" in layers["blk.1.attention"]["decisions"][0]
    assert "blk.0.ffn_up.weight" in "".join(layers["blk.0.mlp"]["decisions"])
    assert report["divergence_name"] == "KL" and report["divergence"] > 0
    measured = evaluate(programs, name, text, "--against", plain, "--context", 256)
    assert report["divergence"] == pytest.approx(measured["kl"], rel=1e-9)
    assert report["perplexity"] == pytest.approx(measured["perplexity"], rel=1e-6)
    assert [phase["name"] for phase in report["phases"]] == ["prefill", "decode"]
    assert all(phase["expected_seconds"] > 0 for phase in report["phases"])
    assert report["expected_bytes"] == report["bytes"]
    # Stages lie within their phases.
    for key in ("seconds_before", "seconds"):
        inside = sum(layer[key] for layer in report["layers"])
        assert 0 < inside <= sum(phase[key] for phase in report["phases"])
    assert layers["blk.1.attention"]["seconds"] == 0 < layers["blk.1.attention"]["seconds_before"]
    assert report["plans"] == []

    page = Page(files[0].read_text())
    assert page.references == []
    words = "".join(page.text)
    assert all(n in words for n in layers) and all(n in words for n in weights)
    assert f"{report['bytes'] / 1e6:.2f}" in words and LINES.splitlines()[1] in words


def test_pruned_prompts(
    tiny_paths: dict[str, Path],
    programs: Programs,
    artifacts: Artifacts,
    tmp_path: Path,
) -> None:
    """What tokens that left a prompt cost shows in what follows it."""
    path, file, text = tiny_paths[MODEL], tmp_path / "report.json", tmp_path / "text"
    text.write_text(TEXT * 4)
    line = recipe(tmp_path, "winnow-prune-tokens{policy=fastv layer=1 keep=0.5}")
    name = programs.compile(
        path, tmp_path / "name", line, f"--report={file}", "--evaluate-on", text
    )
    report = json.loads(file.read_text())
    measured = evaluate(programs, name, text, "--against", artifacts.get(path), "--context", 256)
    assert report["divergence"] == pytest.approx(measured["kl"], rel=1e-9) and measured["kl"] > 0
    assert report["perplexity"] == pytest.approx(measured["perplexity"], rel=1e-6)


def test_without_texts_nothing_is_run(
    tiny_paths: dict[str, Path], programs: Programs, tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    line = recipe(tmp_path, "winnow-quantize-weights{format=q8_0}")
    programs.compile(tiny_paths[MODEL], tmp_path / "name", line, f"--report={file}")
    report = json.loads(file.read_text())
    assert report["phases"] == [] and "divergence" not in report
    assert all("seconds" not in layer for layer in report["layers"])
    assert report["bytes"] != report["bytes_before"]


def test_errors(tiny_paths: dict[str, Path], programs: Programs, tmp_path: Path) -> None:
    def message(*options: object) -> str:
        name = tmp_path / "name"
        return programs.failure("winnow-compile", tiny_paths[MODEL], "-o", name, *options)

    assert message("--report=x.pdf") == (
        "--report expects a name that ends with .html or .json, found 'x.pdf'"
    )
    assert "--report is of an artifact" in message("--report=x.html", "--emit=mlir")
    assert "nowhere" in message(f"--report={tmp_path}/nowhere/x.html")
