"""An installation: its programs work wherever it lies, and other projects find
its libraries."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from conftest import ROOT
from programs import Programs

PROGRAM = """
winnow.param @w from {random = 1 : i64} : tensor<32x64xf32, #winnow.encoding<q8_0>>

func.func @forward(%x: tensor<?x64xf32> {winnow.name = "x", winnow.dims = ["T"]})
    -> (tensor<?x32xf32> {winnow.name = "y", winnow.dims = ["T"]})
    attributes {winnow.entry} {
  %w = winnow.use @w : tensor<32x64xf32, #winnow.encoding<q8_0>>
  %y = winnow.linear %x, %w : tensor<?x64xf32>,
    tensor<32x64xf32, #winnow.encoding<q8_0>> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}
"""


def run(*command: object, cwd: Path | None = None) -> str:
    """Runs a command that has to succeed and returns what it printed."""
    result = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout


def cached(build: Path, variable: str) -> str:
    """A variable of the build's CMake cache."""
    text = (build / "CMakeCache.txt").read_text()
    found = re.search(rf"^{variable}:\w+=(.*)$", text, re.MULTILINE)
    assert found, variable
    return found.group(1)


@pytest.fixture(scope="module")
def prefix(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build, installed and then moved."""
    build = pytestconfig.getoption("--winnow-build").resolve()
    if not (build / "bin" / "winnow-compile").exists():
        pytest.fail("winnow-compile is not built")
    folder = tmp_path_factory.mktemp("install")
    run("cmake", "--install", build, "--prefix", folder / "first")
    return (folder / "first").rename(folder / "moved")


def test_files(prefix: Path) -> None:
    assert {path.name for path in (prefix / "bin").iterdir()} == {
        "winnow-compile",
        "winnow-opt",
        "winnow-run",
    }
    for header in ("Artifact.h", "Dialect/WinnowDialect.h", "Ops.h.inc", "Ops.td"):
        assert (prefix / "include" / "winnow" / header).exists(), header
    assert not list((prefix / "include").rglob("CMake*"))


def test_headers_are_complete(prefix: Path, pytestconfig: pytest.Config) -> None:
    """All that public headers include of Winnow is installed."""
    include = prefix / "include"
    for header in include.rglob("*.h"):
        for name in re.findall(r'^#include "(winnow/[^"]+)"', header.read_text(), re.MULTILINE):
            assert (include / name).exists(), f"{header}: {name}"


def test_programs_do_not_need_the_build(prefix: Path, tiny_paths: dict[str, Path]) -> None:
    """The artifact contains the installed runtime: with a damaged one nothing
    can be linked, although the build still has its own."""
    programs = Programs(prefix / "bin")
    model = tiny_paths["llama-f32"]
    name = programs.compile(model, prefix / "model")
    assert len(programs.generate(name, [1, 2, 3], 4)) == 4
    (runtime,) = prefix.rglob("libWinnowRuntime.a")
    kept = runtime.read_bytes()
    runtime.write_bytes(b"not an archive")
    message = programs.failure("winnow-compile", "--quiet", model, "-o", prefix / "other")
    runtime.write_bytes(kept)
    assert "libWinnowRuntime.a" in message
    assert not list(prefix.glob("other*"))


def test_outside_project(prefix: Path, pytestconfig: pytest.Config, tmp_path: Path) -> None:
    """examples/cost, built against the installation, prices a program."""
    build = pytestconfig.getoption("--winnow-build").resolve()
    sanitizers = cached(build, "WINNOW_SANITIZERS")
    run(
        "cmake",
        *("-G", "Ninja", "-S", ROOT / "examples" / "cost", "-B", tmp_path),
        "-DCMAKE_BUILD_TYPE=Debug",
        f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCMAKE_CXX_FLAGS={'-fsanitize=' + sanitizers if sanitizers else ''}",
        *(
            f"-D{name}={cached(build, name)}"
            for name in ("CMAKE_C_COMPILER", "CMAKE_CXX_COMPILER", "MLIR_DIR")
        ),
    )
    run("cmake", "--build", tmp_path)
    assert f"Winnow_DIR:PATH={prefix}" in (tmp_path / "CMakeCache.txt").read_text()
    (tmp_path / "program.mlir").write_text(PROGRAM)
    arguments = [
        "--pass-pipeline=builtin.module(func.func(report-cost{tokens=3}))",
        tmp_path / "program.mlir",
    ]
    printed = run(tmp_path / "cost-opt", *arguments, "-o", "/dev/null")
    # Two operations for each of 3 x 64 x 32 products; 34 bytes for 32 weights.
    assert printed == "forward: 12288 operations, 2176 bytes\n"
