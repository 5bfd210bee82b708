"""Entry points of a program, run in the interpreter and as native code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from artifact import Artifact
from interpreter import Call, interpret
from programs import Programs


def argument(name: str, type_: str, *dims: str) -> str:
    """An argument of an entry point, with the names of its dynamic dimensions."""
    quoted = ", ".join(f'"{dim}"' for dim in dims)
    extra = f", winnow.dims = [{quoted}]" if dims else ""
    return f'%{name}: {type_} {{winnow.name = "{name}"{extra}}}'


def run_both_ways(
    programs: Programs,
    artifact: Artifact,
    module: str,
    call: Call,
    shape: Sequence[int],
    threads: Sequence[int],
    folder: Path,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The one result of a call of `module`, of that shape: the interpreter's, and
    native code's for each number of threads. Files are left in `folder`."""
    interpreted = interpret(programs.directory / "winnow-opt", module, [call], folder)[0][0]
    results = []
    for count in threads:
        native = np.full(shape, 7, np.float32)
        with artifact.session(threads=count) as session:
            session.invoke(call.entry, list(call.arguments.values()), [native])
        results.append(native)
    return interpreted, results
