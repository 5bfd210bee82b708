"""Running winnow-compile and winnow-run."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Programs:
    """The programs under test."""

    directory: Path

    def execute(
        self, program: str, *arguments: object, timeout: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """Runs a program to its end and captures what it prints."""
        return subprocess.run(
            [str(self.directory / program), *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def compile(self, model: Path, name: Path, *options: str) -> Path:
        """Compiles a model and returns the artifact's name."""
        self._succeed("winnow-compile", model, "-o", name, *options)
        return name

    def compile_text(self, program: str, folder: Path) -> Path:
        """Compiles the text of a module into a folder and returns the artifact's name."""
        source = folder / "program.mlir"
        source.write_text(program)
        return self.compile(source, folder / "program")

    def logits(self, name: Path, ids: list[int], output: Path, *options: str) -> np.ndarray:
        """All logits of a sequence by `winnow-run --logits`."""
        self._succeed("winnow-run", name, "--ids", join(ids), "--logits", output, *options)
        return np.load(output)

    def generate(self, name: Path, ids: list[int], count: int, *options: str) -> list[int]:
        """Ids that winnow-run generates greedily, end of sequence ignored."""
        greedy = ("-n", str(count), "--temperature", "0", "--ignore-eos")
        text = self._succeed("winnow-run", name, "--ids", join(ids), *greedy, *options)
        return [int(token) for token in text.strip().split(",")]

    def failure(self, program: str, *arguments: object) -> str:
        """The message of a command that has to fail: exit code 1, nothing on
        standard output, and one line `PROGRAM: error: MESSAGE` that ends standard
        error. Lines of progress may come before it."""
        result = self.execute(program, *arguments)
        assert result.returncode == 1, (result.returncode, result.stdout, result.stderr)
        assert result.stdout == ""
        lines = result.stderr.splitlines()
        prefix = f"{program}: error: "
        errors = [line for line in lines if "error" in line or not line.startswith(program)]
        assert errors == lines[-1:] and errors[0].startswith(prefix), result.stderr
        return errors[0].removeprefix(prefix)

    def _succeed(self, program: str, *arguments: object) -> str:
        result = self.execute(program, *arguments)
        assert result.returncode == 0, f"{program} {arguments}\n{result.stderr}"
        return result.stdout


class Artifacts:
    """Compiled models of a test session, made when first asked for."""

    def __init__(self, programs: Programs, directory: Path) -> None:
        self._programs = programs
        self._directory = directory
        self._names: dict[tuple[Path, tuple[str, ...]], Path] = {}

    def get(self, model: Path, *options: str) -> Path:
        """The name of the artifact of a model."""
        key = (model, options)
        if key not in self._names:
            folder = self._directory / str(len(self._names))
            folder.mkdir()
            name = folder / model.stem.replace("-", "_").replace(".", "_")
            self._names[key] = self._programs.compile(model, name, *options)
        return self._names[key]


def recipe(folder: Path, *lines: str) -> str:
    """The option that takes these passes, from a file of its own in `folder`."""
    path = folder / f"{len(list(folder.iterdir()))}.recipe"
    path.write_text("".join(f"{line}\n" for line in lines))
    return f"--recipe={path}"


def join(ids: list[int]) -> str:
    """Ids as the programs take them."""
    return ",".join(map(str, ids))


def artifact_files(name: Path) -> list[Path]:
    """The files that exist of an artifact, whatever their suffixes."""
    return sorted(name.parent.glob(name.name + "*"))


def size_of(name: Path) -> int:
    """Bytes of NAME.weights."""
    return name.with_name(name.name + ".weights").stat().st_size


def manifest(name: Path) -> dict[str, Any]:
    """What an artifact says of itself."""
    return json.loads(name.with_name(name.name + ".json").read_text())


def run_fixed(programs: Programs, name: Path, output: Path) -> np.ndarray:
    """What a model of any kind makes of some fixed input."""
    shapes = manifest(name)["entries"][0]
    inputs = {value["name"]: value for value in shapes["inputs"]}
    result = shapes["outputs"][0]["name"]
    option = "--logits" if result == "logits" else "--hidden"
    if "image" in inputs:
        image = np.random.default_rng(1).standard_normal(inputs["image"]["shape"], np.float32)
        np.save(output.with_name("image.npy"), image)
        given: tuple[object, ...] = ("--image", output.with_name("image.npy"))
    else:
        given = ("--ids", join([1, 5, 9, 2, 30, 7, 7, 44, 11, 3]))
    finished = programs.execute("winnow-run", name, *given, option, output)
    assert finished.returncode == 0, finished.stderr
    return np.load(output)
