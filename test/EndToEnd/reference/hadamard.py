"""Rotations by Hadamard matrices."""

from __future__ import annotations

import numpy as np


def rotated(array: np.ndarray, size: int, axis: int) -> np.ndarray:
    """Runs of `size` numbers along an axis times H / sqrt(size), by sums of pairs."""
    runs = np.moveaxis(array.astype(np.float64), axis, -1)
    shape = runs.shape
    runs = runs.reshape(-1, size)
    half = 1
    while half < size:
        pairs = runs.reshape(-1, size // (2 * half), 2, half)
        a, b = pairs[:, :, 0], pairs[:, :, 1]
        runs = np.stack([a + b, a - b], axis=2).reshape(-1, size)
        half *= 2
    runs = (runs * (1 / np.sqrt(np.float64(size)))).astype(np.float32)
    return np.moveaxis(runs.reshape(shape), -1, axis)
