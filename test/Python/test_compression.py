"""Calibration, searches and reports from Python."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import winnow
from evaluation import TEXT


@pytest.fixture(scope="module")
def statistics(encodable: Path, text: Path) -> Path:
    with winnow.load(encodable) as model:
        return model.calibrate([text], encodable.with_name("python.statistics"), progress=False)


def test_search_and_report(encodable: Path, statistics: Path, tmp_path: Path) -> None:
    with winnow.load(encodable) as model:
        plain = winnow.compile(model, tmp_path / "plain", progress=False)
        model.load_statistics(statistics)
        steps: list[str] = []
        recipe = model.search(
            *("size=40%", tmp_path / "found.recipe"),
            formats=["q8_0", "q4_0"],
            rounds=0,
            progress=lambda step, _: steps.append(step),
        )
        assert any(step.startswith("searching: ") for step in steps)
        report = tmp_path / "report.json"
        small = winnow.compile(
            model, tmp_path / "small", recipe=recipe, report=report, progress=False
        )
    assert small.weight_bytes <= 0.4 * plain.weight_bytes
    facts = json.loads(report.read_text())
    assert facts["bytes"] == (tmp_path / "small.weights").stat().st_size
    assert facts["recipe"] == small.manifest["recipe"] and facts["divergence"] > 0


def test_texts_of_ones_own(encodable: Path, tmp_path: Path) -> None:
    text, report = tmp_path / "text.txt", tmp_path / "report.html"
    text.write_text(TEXT[::-1])
    winnow.compile(
        encodable,
        tmp_path / "q8",
        weights="q8_0",
        report=report,
        evaluate_on=[text],
        progress=False,
    )
    assert "KL" in report.read_text()


def test_the_same_statistics_as_winnow_compile_makes(
    encodable: Path, text: Path, statistics: Path, tmp_path: Path
) -> None:
    with winnow.load(encodable) as model:
        again = model.calibrate([text], tmp_path / "again", threads=1, progress=False)
        assert again.read_bytes() == statistics.read_bytes()
        gram = model.calibrate(
            [text], tmp_path / "gram", kinds=["gram"], only="ffn_up", progress=False
        )
    assert b"gram.mean/blk.0.ffn" in gram.read_bytes() != statistics.read_bytes()


def test_errors(
    encodable: Path, text: Path, statistics: Path, tiny_paths: dict[str, Path], tmp_path: Path
) -> None:
    output = tmp_path / "output"
    with winnow.load(encodable) as model:
        with pytest.raises(winnow.CompilationError, match="a budget needs texts"):
            model.search("size=50%", output, progress=False)
        model.load_statistics(statistics)
        with pytest.raises(winnow.InvalidArgumentError, match="budget expects size="):
            model.search("speed=2", output, progress=False)
        with pytest.raises(winnow.InvalidArgumentError, match="formats expects keep"):
            model.search("size=50%", output, formats=["q9"], progress=False)
        with pytest.raises(winnow.CompilationError, match="cannot keep the budget"):
            model.search("size=1KB", output, progress=False)
        with pytest.raises(winnow.InvalidArgumentError, match="a calibration needs texts"):
            model.calibrate([], output, progress=False)
        with pytest.raises(winnow.InvalidArgumentError, match="list of files"):
            model.calibrate(str(text), output, progress=False)
        with pytest.raises(winnow.InvalidArgumentError, match="kinds expects channels"):
            model.calibrate([text], output, kinds=["colours"], progress=False)
        with pytest.raises(winnow.InvalidArgumentError, match="only expects a regular"):
            model.calibrate([text], output, only="(", progress=False)
        with pytest.raises(winnow.FileError, match="missing"):
            model.calibrate([tmp_path / "missing"], output, progress=False)
        with pytest.raises(winnow.InvalidArgumentError, match="report expects a name"):
            model.compile(output, report=tmp_path / "report.pdf", progress=False)

        def stop(*_: object) -> None:
            raise KeyError("enough")

        with pytest.raises(KeyError, match="enough"):
            model.calibrate([text], output, progress=stop)
        with pytest.raises(KeyError, match="enough"):
            model.search("size=50%", output, progress=stop)
    with winnow.load(tiny_paths["llama-f32"]) as other:
        with pytest.raises(winnow.CompilationError, match="of another model"):
            other.load_statistics(statistics)
    assert not list(tmp_path.iterdir())
