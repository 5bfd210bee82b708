"""Caches that store keys and values in fewer bits, in NumPy."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from reference.transformer import Array, Cache


def round_to_bf16(x: Array) -> Array:
    """Eight bits of significand, half to even."""
    significand, exponent = np.frexp(x)
    return np.ldexp(np.rint(significand * np.float32(256)) / np.float32(256), exponent)


def round_to_int8(x: Array) -> Array:
    """A code of at most 127 times a scale for each row of the last axis."""
    largest = np.abs(x).max(axis=-1, keepdims=True)
    some = np.where(largest > 0, largest, np.float32(1))
    codes = np.rint(x * (np.float32(127) / some))
    return codes * (largest / np.float32(127))


ROUNDINGS = {"f32": lambda x: x, "bf16": round_to_bf16, "int8": round_to_int8}


@dataclass
class RoundedCache(Cache):
    """Rounds what it stores: `formats` of keys and values by layer; other layers
    store float32."""

    formats: dict[int, tuple[str, str]] = field(default_factory=dict)

    def append(self, layer: int, keys: Array, values: Array) -> tuple[Array, Array]:
        key, value = self.formats.get(layer, ("f32", "f32"))
        return super().append(layer, ROUNDINGS[key](keys), ROUNDINGS[value](values))
