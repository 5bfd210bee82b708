"""The package as pip builds and installs it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pytest

import winnow
from conftest import ROOT
from programs import Programs

SCRIPT = """
import sys
import winnow
artifact = winnow.compile(sys.argv[1], sys.argv[2])
with artifact.session() as session:
    print(winnow.__file__)
    print(*session.generate([1, 5, 9], 8, ignore_eos=True).ids, sep=",")
"""


def execute(*command: object) -> subprocess.CompletedProcess[str]:
    """Runs a command without the variables that lead to the build."""
    hidden = ("WINNOW_LIBRARY_DIR", "PYTHONPATH", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    return subprocess.run(
        list(map(str, command)), env=environment, capture_output=True, text=True, check=False
    )


def run(*command: object) -> str:
    """Runs a command that has to succeed and returns what it printed."""
    result = execute(*command)
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def wheel(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel with what the build folder under test holds."""
    folder = tmp_path_factory.mktemp("wheel")
    build = pytestconfig.getoption("--winnow-build").resolve()
    run(
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", ROOT),
        *("--no-build-isolation", "--no-deps", "--wheel-dir", folder),
        f"--config-settings=cmake.define.WINNOW_BUILD_DIR={build}",
    )
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment with the wheel and this one's NumPy."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "numpy.pth").write_text(f"{Path(np.__file__).parent.parent}\n")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    python = folder / "bin" / "python"
    run(*pip, "--python", python, "install", "--no-index", "--no-deps", wheel)
    return folder


def test_contents(wheel: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert wheel.name == f"winnow_compiler-{project['version']}-py3-none-linux_x86_64.whl"
    assert project["version"] == winnow.__version__
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {f"winnow/{path.name}" for path in (ROOT / "python" / "winnow").glob("*.py")}
    binaries = {
        *(f"winnow/bin/{name}" for name in project["scripts"]),
        *(f"winnow/lib/libwinnow-{name}.so" for name in ("compiler", "text")),
        "winnow/lib/winnow/libWinnowRuntime.a",
        "winnow/py.typed",
    }
    others = {name for name in names if ".dist-info/" not in name}
    assert others == sources | binaries


def test_installed(environment: Path, tiny_paths: dict[str, Path], tmp_path: Path) -> None:
    programs = Programs(environment / "bin")
    model = tiny_paths["qwen3-f32"]
    printed = run(environment / "bin" / "python", "-I", "-c", SCRIPT, model, tmp_path / "ours")
    file, ids = printed.splitlines()
    assert Path(file).is_relative_to(environment)

    # The programs of the package do the same.
    programs.compile(model, tmp_path / "theirs")
    assert ids == ",".join(map(str, programs.generate(tmp_path / "theirs", [1, 5, 9], 8)))
    assert "winnow-run 0.1.0" in run(environment / "bin" / "winnow-run", "--version")
    assert "--winnow-" in run(environment / "bin" / "winnow-opt", "--help")

    # Artifacts contain the runtime of the package, not that of the build.
    (runtime,) = environment.rglob("libWinnowRuntime.a")
    kept = runtime.read_bytes()
    runtime.write_bytes(b"not an archive")
    result = execute(environment / "bin" / "python", "-I", "-c", SCRIPT, model, tmp_path / "no")
    runtime.write_bytes(kept)
    last = result.stderr.splitlines()[-1]
    assert last.startswith("winnow.errors.CompilationError") and str(runtime) in last


def test_without_libraries() -> None:
    """A package without its libraries imports, and says what is missing."""
    script = """
import sys
sys.path.insert(0, sys.argv[1])
import winnow
for use in (winnow.Sampler, lambda: winnow.load("model.gguf")):
    try:
        use()
    except winnow.LibraryError as error:
        assert "WINNOW_LIBRARY_DIR" in str(error)
    else:
        raise AssertionError
"""
    run(sys.executable, "-c", script, ROOT / "python")
