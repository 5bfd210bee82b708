"""The same input gives the same bytes, whatever runs beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from programs import Programs, artifact_files


def contents(name: Path) -> dict[str, bytes]:
    """The files of an artifact by suffix; they are removed."""
    files = {path.name.removeprefix(name.name): path.read_bytes() for path in artifact_files(name)}
    for path in artifact_files(name):
        path.unlink()
    return files


def test_number_of_threads(tiny_paths: dict[str, Path], programs: Programs, tmp_path: Path) -> None:
    model = tiny_paths["gemma3-k-quants"]
    found = [
        contents(programs.compile(model, tmp_path / "model", f"--threads={threads}"))
        for threads in (1, 2, 5)
    ]
    assert set(found[0]) == {".so", ".weights", ".h", ".json", ".tokenizer"}
    for other in found[1:]:
        assert [suffix for suffix in other if other[suffix] != found[0].get(suffix)] == []
        assert set(other) == set(found[0])


@pytest.mark.parametrize("option", ["--emit=static", "-g", "--activations=f32"])
def test_option(
    option: str, tiny_paths: dict[str, Path], programs: Programs, tmp_path: Path
) -> None:
    first, second = (
        contents(programs.compile(tiny_paths["llama-f32"], tmp_path / "model", option))
        for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize("stage", ["mlir", "kernels", "llvm-dialect", "llvm", "asm", "obj"])
def test_stage(stage: str, tiny_paths: dict[str, Path], programs: Programs, tmp_path: Path) -> None:
    first, second = (
        contents(programs.compile(tiny_paths["llama-f32"], tmp_path / "model", f"--emit={stage}"))
        for _ in range(2)
    )
    assert set(first) == {""} and first == second


def test_place_of_the_artifact(
    tiny_paths: dict[str, Path], programs: Programs, tmp_path: Path
) -> None:
    """Neither the folder nor the checkpoint's is in the files."""
    model = tiny_paths["llama-f32"]
    first = contents(programs.compile(model, tmp_path / "model"))
    (tmp_path / "other").mkdir()
    moved = tmp_path / "other" / model.name
    moved.write_bytes(model.read_bytes())
    assert contents(programs.compile(moved, tmp_path / "other" / "model")) == first
