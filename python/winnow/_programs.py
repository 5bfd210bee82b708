"""The programs of the package, for the command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn


def _execute(name: str) -> NoReturn:
    program = Path(__file__).parent / "bin" / name
    try:
        os.execv(program, [name, *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"{name}: error: cannot run '{program}': {error.strerror}")


def compile() -> NoReturn:
    """winnow-compile."""
    _execute("winnow-compile")


def opt() -> NoReturn:
    """winnow-opt."""
    _execute("winnow-opt")


def run() -> NoReturn:
    """winnow-run."""
    _execute("winnow-run")
