"""The attentions that random programs choose from.

Kernels of attention are made for one set of shapes and attributes, and they are
most of what compiling a random program takes. So programs of neighbouring seeds
choose from one palette, in which every mask is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

# Consecutive seeds that share a palette.
SEEDS = 50

CACHED_MASKS = ("full", "causal", "causal", "sliding_window", "prefix", "grid")
PLAIN_MASKS = ("full", "causal", "sliding_window", "prefix", "tree", "grid", "explicit")


@dataclass(frozen=True)
class AttentionShape:
    """All that is known of an attention when it is compiled."""

    cached: bool
    key_heads: int
    group: int
    key_dim: int
    value_dim: int
    mask: str
    mask_text: str
    scale: float
    softcap: float
    sinks: bool
    segments: bool
    # Rank of the bias; 0: none.
    bias: int
    # How many of output, lse and scores.
    results: int

    @property
    def heads(self) -> int:
        """Heads of the query."""
        return self.key_heads * self.group


@cache
def palette(number: int) -> tuple[AttentionShape, ...]:
    """The attentions of seeds from `number` * SEEDS on."""
    rng = np.random.default_rng([number, 2])
    masks = [(mask, True) for mask in CACHED_MASKS] + [(mask, False) for mask in PLAIN_MASKS]
    return tuple(_make_shape(rng, mask, cached) for mask, cached in masks)


def _make_shape(rng: np.random.Generator, mask: str, cached: bool) -> AttentionShape:
    """A random attention with this mask."""

    def choose(*options):
        return options[int(rng.integers(len(options)))]

    key_dim = choose(4, 8, 16, 20, 28, 32)
    text = mask
    if mask == "sliding_window":
        text += f", window = {rng.integers(1, 25)}" + choose("", ", sinks = 1", ", sinks = 4")
    elif mask == "prefix":
        text += f", prefix = {rng.integers(1, 13)}"
    elif mask == "grid":
        text += f", window = {rng.integers(1, 3)}, width = {rng.integers(2, 7)}"
    return AttentionShape(
        cached=cached,
        key_heads=choose(1, 2, 3),
        group=choose(1, 2, 3, 4),
        key_dim=key_dim,
        value_dim=choose(key_dim, key_dim, 5, 12, 24),
        mask=mask,
        mask_text=text,
        scale=float(np.float32(rng.uniform(0.1, 1.0))),
        softcap=choose(0.0, 0.0, 2.0, 30.0),
        sinks=choose(False, False, True),
        segments=cached or choose(False, False, True),
        bias=0 if cached else choose(0, 0, 0, 2, 3),
        # The scores of a cache would have a row for each of its slots.
        results=choose(1, 2) if cached else choose(1, 2, 3),
    )
