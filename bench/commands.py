"""Running the programs of a build, for the benches."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any


def run(program: Path, *arguments: object) -> str:
    """What a program prints; its message ends the bench when it fails."""
    command = [str(program), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f"{program.name} failed: {result.stderr.strip()}")
    return result.stdout


def run_json(program: Path, *arguments: object) -> dict[str, Any]:
    """The JSON object that a program prints."""
    return json.loads(run(program, *arguments))
