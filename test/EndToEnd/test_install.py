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
        "winnow-lsp-server",
        "winnow-opt",
        "winnow-reduce",
        "winnow-run",
    }
    for path in (
        "man/man1/winnow-run.1",
        "bash-completion/completions/winnow-compile",
        "zsh/site-functions/_winnow-opt",
        "fish/vendor_completions.d/winnow-reduce.fish",
    ):
        assert (prefix / "share" / path).exists(), path
    for header in ("Artifact.h", "Compiler.h", "Dialect/WinnowDialect.h", "Ops.h.inc", "Ops.td"):
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


def build_example(
    name: str, prefix: Path, pytestconfig: pytest.Config, folder: Path, variables: list[str]
) -> None:
    """Builds a project of examples/ against the installation, with the build's
    own values of some variables."""
    build = pytestconfig.getoption("--winnow-build").resolve()
    sanitizers = cached(build, "WINNOW_SANITIZERS")
    flags = f"-fsanitize={sanitizers}" if sanitizers else ""
    run(
        "cmake",
        *("-G", "Ninja", "-S", ROOT / "examples" / name, "-B", folder),
        "-DCMAKE_BUILD_TYPE=Debug",
        f"-DCMAKE_PREFIX_PATH={prefix}",
        *(f"-DCMAKE_{language}_FLAGS={flags}" for language in ("C", "CXX")),
        *(f"-D{name}={cached(build, name)}" for name in variables),
    )
    run("cmake", "--build", folder)
    assert f"Winnow_DIR:PATH={prefix}" in (folder / "CMakeCache.txt").read_text()


def test_outside_project(prefix: Path, pytestconfig: pytest.Config, tmp_path: Path) -> None:
    """examples/cost, built against the installation, prices a program."""
    variables = ["CMAKE_C_COMPILER", "CMAKE_CXX_COMPILER", "MLIR_DIR"]
    build_example("cost", prefix, pytestconfig, tmp_path, variables)
    (tmp_path / "program.mlir").write_text(PROGRAM)
    arguments = [
        "--pass-pipeline=builtin.module(func.func(report-cost{tokens=3}))",
        tmp_path / "program.mlir",
    ]
    printed = run(tmp_path / "cost-opt", *arguments, "-o", "/dev/null")
    # Two operations for each of 3 x 64 x 32 products; 34 bytes for 32 weights.
    assert printed == "forward: 12288 operations, 2176 bytes\n"


def test_c_project(
    prefix: Path, pytestconfig: pytest.Config, tiny_paths: dict[str, Path], tmp_path: Path
) -> None:
    """examples/compile, a project in C that knows nothing of MLIR, compiles a
    model and generates what winnow-run generates."""
    folder = tmp_path / "build"
    build_example("compile", prefix, pytestconfig, folder, ["CMAKE_C_COMPILER"])
    model, output = tiny_paths["qwen3-f32"], tmp_path / "model"
    assert "MLIR_DIR" not in (folder / "CMakeCache.txt").read_text()
    printed = run(folder / "compile", model, output, 8, 1, 5, 9)
    expected = Programs(prefix / "bin").generate(output, [1, 5, 9], 8)
    assert printed == ",".join(map(str, expected)) + "\n"

    for arguments, status, word in (
        ((tmp_path / "none.gguf", output), 2, "none.gguf"),
        ((folder / "compile", output), 3, "compile"),
        ((model, tmp_path / "no" / "folder"), 2, "no/folder"),
    ):
        result = subprocess.run(
            [folder / "compile", *map(str, arguments), "8", "1"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 1
        last = result.stderr.splitlines()[-1]
        assert last.startswith(f"error {status}: ") and word in last


@pytest.mark.parametrize("library", ["compiler", "text"])
def test_c_libraries_show_their_header_alone(prefix: Path, library: str) -> None:
    (path,) = prefix.rglob(f"libwinnow-{library}.so")
    printed = run("nm", "--dynamic", "--defined-only", path)
    symbols = {line.split()[-1] for line in printed.splitlines()}
    header = (prefix / "include" / "winnow" / f"{library.capitalize()}.h").read_text()
    assert symbols == set(re.findall(r"\b(winnow_\w+)\(", header))


@pytest.mark.parametrize("header", ["Compiler.h", "Text.h"])
@pytest.mark.parametrize("language", ["c", "c++"])
def test_c_headers_compile(prefix: Path, header: str, language: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text(f"#include <winnow/{header}>\n")
    flags = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"]
    standard = "-std=c99" if language == "c" else "-std=c++17"
    run("clang-22", "-x", language, standard, *flags, "-I", prefix / "include", source)
