"""Runs functions of a module in the reference interpreter (winnow-opt)."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np


class InterpreterError(RuntimeError):
    """The interpreter refused a program; the message is what it printed."""


@dataclass(frozen=True)
class Call:
    """One call: the function and its arguments by their winnow.name. Cache
    arguments are left out: a cache is what earlier calls made of it."""

    entry: str
    arguments: dict[str, np.ndarray]


def arguments_of(ids: Sequence[int]) -> dict[str, np.ndarray]:
    """Those of a decoder for the first tokens of a segment, all of whose rows are wanted."""
    numbers = np.arange(len(ids), dtype=np.int32)
    return {
        "ids": np.array(ids, np.int32),
        "positions": numbers,
        "segments": 0 * numbers,
        "rows": numbers,
    }


def interpret(
    winnow_opt: Path,
    module: str,
    calls: Sequence[Call | None],
    folder: Path,
    params: Path | None = None,
) -> list[list[np.ndarray]]:
    """Runs calls in order and returns their results, without caches. None
    empties all caches and has no results. Params from files are read from the
    folder `params`. Other files are left in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "module.mlir"
    path.write_text(module)
    lines = []
    for number, call in enumerate(calls):
        if call is None:
            lines.append("reset")
            continue
        prefix = folder / f"call{number}"
        lines.append(f"{call.entry} {prefix}")
        for name, array in call.arguments.items():
            np.save(f"{prefix}.{name}.npy", np.ascontiguousarray(array))
    (folder / "calls.txt").write_text("\n".join(lines) + "\n")
    options = f"calls={folder / 'calls.txt'}" + (f" params={params}" if params else "")
    finished = subprocess.run(
        [
            str(winnow_opt),
            str(path),
            f"--winnow-interpret={options}",
            "-o",
            "/dev/null",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise InterpreterError(finished.stderr)
    results = []
    for number, call in enumerate(calls):
        outputs: list[np.ndarray] = []
        while call and (file := folder / f"call{number}.out{len(outputs)}.npy").exists():
            outputs.append(np.load(file))
        results.append(outputs)
    return results


def recode(
    winnow_opt: Path, folder: Path, numbers: np.ndarray, formats: list[str]
) -> dict[str, np.ndarray]:
    """What numbers [rows, columns] become in each format, by the interpreter."""
    plain = f"tensor<{numbers.shape[0]}x{numbers.shape[1]}xf32>"
    text = ""
    for name in formats:
        encoded = f"{plain[:-1]}, #winnow.encoding<{name}>>"
        text += f"""func.func @{name}(%x: {plain} {{winnow.name = "x"}}) -> {plain} {{
  %e = winnow.recode %x : {plain} -> {encoded}
  %y = winnow.recode %e : {encoded} -> {plain}
  return %y : {plain}
}}
"""
    calls = [Call(name, {"x": numbers}) for name in formats]
    results = interpret(winnow_opt, text, calls, folder)
    return {name: result for name, [result] in zip(formats, results, strict=True)}
