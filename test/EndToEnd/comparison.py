"""How two sets of logits are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

# Positions whose logits are held at once: Gemma's vocabulary makes a row 1 MB.
POSITIONS_AT_ONCE = 64


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Log probabilities along the last axis, in float64."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def kl_divergence(reference: np.ndarray, other: np.ndarray) -> np.ndarray:
    """KL(reference || other) in nats per position."""
    log_p, log_q = log_softmax(reference), log_softmax(other)
    return (np.exp(log_p) * (log_p - log_q)).sum(axis=-1)


def pieces(count: int) -> Iterator[slice]:
    """Slices of at most POSITIONS_AT_ONCE positions that cover [0, count)."""
    for start in range(0, count, POSITIONS_AT_ONCE):
        yield slice(start, min(start + POSITIONS_AT_ONCE, count))


def mean_kl(count: int, reference: Callable[[slice], np.ndarray], other: np.ndarray) -> float:
    """KL averaged over positions; `reference` makes the logits of a slice."""
    rows = [kl_divergence(reference(piece), other[piece]) for piece in pieces(count)]
    return float(np.concatenate(rows).mean())
