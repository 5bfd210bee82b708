"""Imported tiny models in the reference interpreter, against NumPy.

No code is generated here: this says that what a file means to the importer and
what ops mean to the interpreter add up to the model.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from conftest import Tiny
from interpreted_model import interpret_model
from interpreter import Call
from programs import Programs

# Pieces of the prompt; later ones read the caches of earlier ones.
PIECES = (7, 1, 53)


def test_interpreted_model_agrees_with_numpy(
    tiny: Tiny, programs: Programs, tmp_path: Path
) -> None:
    ids = np.array(tiny.model.token_ids(), np.int32)
    positions = np.arange(len(ids), dtype=np.int32)
    calls, start = [], 0
    for count in PIECES:
        piece = slice(start, start + count)
        arguments = {
            "ids": ids[piece],
            "positions": positions[piece],
            "segments": np.zeros(count, np.int32),
            "rows": np.arange(count, dtype=np.int32),
        }
        calls.append(Call("forward", arguments))
        start += count
    assert start == len(ids)
    results = interpret_model(programs, tiny.path, calls, tmp_path)
    logits = np.concatenate([logits for [logits] in results])
    largest = np.abs(tiny.expected).max()
    np.testing.assert_allclose(logits, tiny.expected, rtol=0, atol=1e-4 * largest)
