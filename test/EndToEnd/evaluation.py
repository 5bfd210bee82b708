"""Texts, their windows, and what `winnow-run --evaluate` says of them."""

from __future__ import annotations

import json
import struct
import subprocess
from pathlib import Path

import numpy as np

from programs import Programs

TEXT = "It was a dark and stormy night; the rain fell in torrents.\nNobody heard it. " * 2


def tokenize(programs: Programs, name: Path, text: bytes) -> list[int]:
    """What the vocabulary makes of a text, with what it puts in front."""
    answer = subprocess.run(
        [programs.directory.parent / "unittests" / "winnow-tokenize", f"{name}.tokenizer"],
        input=struct.pack("<I", len(text)) + text,
        capture_output=True,
        check=True,
    )
    return [int(number) for number in answer.stdout.decode().split("\t")[0].split(",")]


def evaluate(programs: Programs, name: Path, text: Path, *options: object) -> dict[str, float]:
    """What `winnow-run --evaluate` finds."""
    result = programs.execute("winnow-run", name, "--evaluate", text, "--json", *options)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def window_logits(
    programs: Programs, name: Path, windows: list[list[int]], folder: Path
) -> np.ndarray:
    """The rows that predict a token, window by window."""
    rows = []
    for window in windows:
        rows.append(programs.logits(name, window[:-1], folder / "logits.npy"))
    return np.concatenate(rows)


def windows_of(ids: list[int], window: int) -> list[list[int]]:
    """Each begins with the first of the ids and predicts `window` others."""
    bos, rest = ids[0], ids[1:]
    return [[bos, *rest[start : start + window]] for start in range(0, len(rest), window)]
