"""CFSP (arXiv 2409.13199) in NumPy: what is left of each layer, and which channels."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def shares(angles: list[float], sizes: list[int], keep: float, strength: float = 1.0) -> Array:
    """The share of each layer, from mean angles of blocks in radians."""
    distances = np.array(angles, np.float64) / np.pi
    # Sums over 128 samples of 2048 tokens, divided by 10^4, as published.
    distances = distances * 128 * 2048
    u = 1 / (1 + np.exp(-strength * (distances - distances.mean()) / 1e4))
    mean = np.average(u, weights=sizes)
    if u.max() / mean * keep >= 1:
        u = mean + (u - mean) * (mean * (1 / keep - 1) / (u.max() - mean) / 1.05)
        mean = np.average(u, weights=sizes)
    return u / mean * keep


def counts(found: Array, sizes: list[int], multiples: list[int]) -> list[int]:
    """Numbers of units: multiples, or all; the sum is close to that of the shares."""
    targets = found * np.array(sizes)
    result = [
        min(max(int(target // multiple), 1) * multiple, size)
        for target, multiple, size in zip(targets, multiples, sizes, strict=True)
    ]
    lost = targets - result
    left = lost.sum()
    for i in np.argsort(-lost / multiples, kind="stable"):
        more = min(multiples[i], sizes[i] - result[i])
        if more and lost[i] > 0 and left >= more / 2:
            result[i] += more
            left -= more
    return result


def best(scores: Array, count: int) -> Array:
    """The places of the highest scores, of equals the first, in order."""
    return np.sort(np.argsort(-scores.astype(np.float64), kind="stable")[:count])


def choose(
    scores: list[Array],
    angles: list[float],
    keep: float,
    channels: int = 1,
    multiple: int = 1,
    strength: float = 1.0,
) -> list[Array]:
    """For each layer the channels that stay; `channels` neighbours are a unit, whose
    score is the sum of theirs."""
    units = [score.reshape(-1, channels).astype(np.float64).sum(1) for score in scores]
    sizes = [len(unit) for unit in units]
    grain = multiple // np.gcd(multiple, channels)
    number = counts(shares(angles, sizes, keep, strength), sizes, [int(grain)] * len(sizes))
    kept = [best(unit, count) for unit, count in zip(units, number, strict=True)]
    return [(k[:, None] * channels + np.arange(channels)).ravel() for k in kept]
