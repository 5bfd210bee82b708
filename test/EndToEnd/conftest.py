"""Options and fixtures of the end-to-end tests."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--winnow-build", type=Path, default=ROOT / "build", help="the build folder to test"
    )


@pytest.fixture(scope="session")
def tools(pytestconfig: pytest.Config) -> Path:
    """The folder of the programs under test."""
    return pytestconfig.getoption("--winnow-build").resolve() / "bin"
