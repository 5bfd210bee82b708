"""Options of the benches, and running the programs of a build."""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def make_parser(page: str, threads: int, tokens: int | None = None) -> argparse.ArgumentParser:
    """The options that benches of Gemma have in common, with the defaults of one whose
    docstring is `page`. Without `tokens` it reads no text."""
    parser = argparse.ArgumentParser(description=page.split("\n")[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--threads", type=int, default=threads)
    if tokens is not None:
        parser.add_argument("--tokens", type=int, default=tokens)
    parser.add_argument("--output", type=Path)
    return parser


def open_folder(options: argparse.Namespace, name: str) -> Path:
    """Where a bench keeps its files: `name` in the build, unless the options say."""
    folder = (options.folder or options.build / name).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


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
