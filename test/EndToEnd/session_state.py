"""What a saved session holds of its caches, by the layout that lib/Runtime/State.h and
include/winnow/Runtime/Call.h describe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HEADER = 56
BLOCK = 16


@dataclass(frozen=True)
class CacheShape:
    """A cache with the formats of its keys and values."""

    heads: int
    key_dim: int
    value_dim: int
    key: str
    value: str


def _decode(data: bytes, channels: int, kind: str, keys: bool) -> np.ndarray:
    """The numbers [slots, channels] of one head."""
    number = {"f32": 4, "bf16": 2, "int8": 1}[kind]
    scales = 4 * BLOCK if kind == "int8" else 0
    size = scales + BLOCK * channels * number
    blocks = []
    for start in range(0, len(data), size):
        block = data[start + scales : start + size]
        if kind == "f32":
            numbers = np.frombuffer(block, np.float32)
        elif kind == "bf16":
            bits = np.frombuffer(block, np.uint16).astype(np.uint32) << 16
            numbers = bits.view(np.float32)
        else:
            numbers = np.frombuffer(block, np.int8).astype(np.float32)
        numbers = numbers.reshape((channels, -1) if keys else (-1, channels))
        numbers = numbers.T if keys else numbers
        if scales:
            scale = np.frombuffer(data[start : start + scales], np.float32)
            numbers = numbers * scale[:, None]
        blocks.append(numbers)
    return np.concatenate(blocks)


def read_caches(
    state: bytes, length: int, vocabulary: int, shapes: list[CacheShape]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Keys and values [tokens, heads, channels] of each cache of a decoder that has seen
    one sequence of `length` tokens, with logits of the last."""
    at = HEADER + 8 * len(shapes) + 8 + 4 * length + 4 * length + 4 * vocabulary
    blocks = -(-length // BLOCK)
    caches = []
    for shape in shapes:
        at += 8 * length
        heads = []
        for _ in range(shape.heads):
            parts = []
            for keys in (True, False):
                kind, dim = (shape.key, shape.key_dim) if keys else (shape.value, shape.value_dim)
                # Values without scales are rows, and end with the last one.
                slots = blocks * BLOCK if keys or kind == "int8" else length
                bytes_of = {"f32": 4 * dim, "bf16": 2 * dim, "int8": dim + 4}[kind]
                data = state[at : at + slots * bytes_of]
                at += len(data)
                if len(data) % (BLOCK * bytes_of):
                    data += bytes(BLOCK * bytes_of - len(data) % (BLOCK * bytes_of))
                parts.append(_decode(data, dim, kind, keys)[:length])
            heads.append(parts)
        caches.append(tuple(np.stack(arrays, axis=1) for arrays in zip(*heads, strict=True)))
    assert at + 8 == len(state)
    return caches
