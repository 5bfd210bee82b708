"""winnow.compile with a recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

import winnow


def test_recipe(tiny_paths: dict[str, Path], tmp_path: Path) -> None:
    recipe = tmp_path / "small.recipe"
    recipe.write_text("winnow-drop-layers{granularity=attention layers=1}  # one less\n")
    model = winnow.load(tiny_paths["qwen3-f32"])
    with winnow.compile(model, tmp_path / "small", recipe=recipe, progress=False) as small:
        assert small.manifest["recipe"] == ["winnow-drop-layers{granularity=attention layers=1}"]
        assert [entry["name"] for entry in small.manifest["decisions"]] == ["blk.1.attention"]
        changed = small.weight_bytes
    with winnow.compile(model, tmp_path / "whole", progress=False) as whole:
        assert whole.weight_bytes > changed
        assert "recipe" not in whole.manifest


def test_bad_recipes(tiny_paths: dict[str, Path], tmp_path: Path) -> None:
    recipe = tmp_path / "bad.recipe"
    recipe.write_text("\nwinnow-drop-layer{layers=1}\n")
    model = winnow.load(tiny_paths["qwen3-f32"])
    with pytest.raises(winnow.InvalidArgumentError, match=r"bad\.recipe:2:1: 'winnow-drop-layer'"):
        model.compile(tmp_path / "out", recipe=recipe, progress=False)
    with pytest.raises(winnow.FileError, match=r"missing\.recipe"):
        model.compile(tmp_path / "out", recipe=tmp_path / "missing.recipe", progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.recipe"]
