"""The numbers on which encoders are compared: rows of real matrices, and normal
ones, since those of the file have been quantized before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fetch_gemma import gemma_path
from reference import Checkpoint

ROWS = 32

TENSORS = (
    "token_embd.weight",
    "blk.0.attn_q.weight",
    "blk.3.attn_v.weight",
    "blk.5.ffn_down.weight",
    "blk.9.ffn_gate.weight",
    "blk.17.attn_output.weight",
)


def normal_samples() -> Iterator[tuple[str, np.ndarray]]:
    """Names and float32 arrays [ROWS, columns]."""
    rng = np.random.default_rng(0)
    yield "normal", (0.02 * rng.standard_normal((ROWS, 1024))).astype(np.float32)
    yield "heavy tails", (0.02 * rng.standard_t(4, (ROWS, 1024))).astype(np.float32)


def gemma_samples() -> Iterator[tuple[str, np.ndarray]]:
    """The same of Gemma 3 270M."""
    checkpoint = Checkpoint(gemma_path())
    for name in TENSORS:
        yield name, np.ascontiguousarray(checkpoint.rows(name, ROWS))
