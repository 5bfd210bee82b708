"""Options and fixtures of the tests in Python."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation import TEXT
from make_tiny_models import MODELS, TinyModel, make_all, make_model
from programs import Artifacts, Programs
from reference import Transformer
from support import Support

ROOT = Path(__file__).resolve().parent.parent

# test/Golden/tiny/tiny.json says why the Mistral model has no golden.
WITH_GOLDEN = [model.name for model in MODELS if model.name != "mistral-f32"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--winnow-build", type=Path, default=ROOT / "build", help="the build folder to test"
    )


def pytest_configure(config: pytest.Config) -> None:
    """The package `winnow` takes its libraries from the build."""
    config.pluginmanager.register(Support(), "support")
    build = config.getoption("--winnow-build").resolve()
    os.environ["WINNOW_LIBRARY_DIR"] = str(build / "lib")


@pytest.fixture(scope="session")
def programs(pytestconfig: pytest.Config) -> Programs:
    """The programs under test."""
    directory = pytestconfig.getoption("--winnow-build").resolve() / "bin"
    for name in ("winnow-compile", "winnow-run"):
        if not (directory / name).exists():
            pytest.fail(f"{directory / name} is not built")
    return Programs(directory)


@pytest.fixture(scope="session")
def support(pytestconfig: pytest.Config) -> Support:
    """Takes what a test has shown to work."""
    plugin: Support = pytestconfig.pluginmanager.get_plugin("support")
    return plugin


@dataclass(frozen=True)
class Tiny:
    """A tiny model's file, its NumPy logits and what llama.cpp said of it."""

    model: TinyModel
    path: Path
    expected: np.ndarray
    record: dict[str, Any]
    llama_cpp_logits: np.ndarray | None


@pytest.fixture(scope="session")
def tiny_paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The files of all tiny models by name."""
    return make_all(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def artifacts(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    """Compiles models, each with the same options only once."""
    return Artifacts(programs, tmp_path_factory.mktemp("artifacts"))


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a short text."""
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture(scope="session")
def encodable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A decoder of two layers of f32, whose matrices all fit into blocks of 32."""
    path = tmp_path_factory.mktemp("encodable") / "encodable.gguf"
    make_model(TinyModel("llama-f32-96", "llama", 2, 96, 96, 4, 2, 24), path)
    return path


@pytest.fixture(scope="session", params=[model.name for model in MODELS])
def tiny(request: pytest.FixtureRequest, tiny_paths: dict[str, Path]) -> Tiny:
    """Each tiny model in turn."""
    model = next(model for model in MODELS if model.name == request.param)
    golden = ROOT / "test" / "Golden" / "tiny"
    record = json.loads((golden / "tiny.json").read_text())["models"][model.name]
    with np.load(golden / "tiny.npz") as arrays:
        logits = arrays[model.name] if model.name in arrays else None
    path = tiny_paths[model.name]
    return Tiny(model, path, Transformer(path)(model.token_ids()), record, logits)
