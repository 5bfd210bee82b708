"""The programs of the package, for the command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn


def main() -> NoReturn:
    """Becomes the program of the package that has the name of this script."""
    name = Path(sys.argv[0]).name
    program = Path(__file__).parent / "bin" / name
    try:
        os.execv(program, [name, *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"{name}: error: cannot run '{program}': {error.strerror}")
