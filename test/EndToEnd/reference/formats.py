"""Dequantization by the gguf package, and the one format that it cannot decode."""

from __future__ import annotations

import numpy as np
from gguf import GGMLQuantizationType
from gguf.quants import dequantize


def dequantize_rows(rows: np.ndarray, kind: GGMLQuantizationType) -> np.ndarray:
    """Stored rows to float32 [rows, columns]."""
    if kind == GGMLQuantizationType.Q1_0:
        return _dequantize_q1_0(rows)
    return dequantize(rows, kind)


def _dequantize_q1_0(rows: np.ndarray) -> np.ndarray:
    """Blocks of 128: a float16 scale d, then one bit per value, +d or -d."""
    blocks = np.ascontiguousarray(rows).reshape(rows.shape[0], -1, 18)
    scales = blocks[..., :2].copy().view(np.float16).astype(np.float32)
    bits = np.unpackbits(blocks[..., 2:], axis=-1, bitorder="little").astype(np.float32)
    return ((2 * bits - 1) * scales).reshape(rows.shape[0], -1)
