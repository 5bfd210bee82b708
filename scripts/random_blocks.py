"""Random weights in every number format of GGUF that the tests cover.

What gguf can encode is a quantized normal distribution. For the other formats
the bytes are random and the scales are set so that the values have the wanted
spread: every code and every scale field occurs, unlike in encoded weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import quantize

from reference.formats import dequantize_rows

Type = GGMLQuantizationType


@dataclass(frozen=True)
class ScaleFields:
    """Where a block keeps its float16 scale and the scale of its minimums."""

    scale: int
    minimum: int | None = None
    minimum_ratio: float = 0.0
    """Scale of the minimums over the scale that centres the values on zero."""


RANDOM_BYTES = {
    Type.Q2_K: ScaleFields(80, 82, 1.5),
    Type.Q3_K: ScaleFields(108),
    Type.Q4_K: ScaleFields(0, 2, 7.5),
    Type.Q5_K: ScaleFields(0, 2, 15.5),
    Type.Q6_K: ScaleFields(208),
    Type.IQ4_NL: ScaleFields(0),
    Type.IQ4_XS: ScaleFields(0),
    Type.Q1_0: ScaleFields(0),
}


def random_weight(
    rng: np.random.Generator, rows: int, columns: int, kind: Type, deviation: float
) -> np.ndarray:
    """Stored rows of a weight whose values have about this standard deviation.

    float32 and float16 arrays come in their own element type [rows, columns],
    everything else as bytes [rows, bytes per row].
    """
    if kind in (Type.F32, Type.F16):
        values = deviation * rng.standard_normal((rows, columns), np.float32)
        return values.astype(np.float32 if kind == Type.F32 else np.float16)
    if kind == Type.NVFP4:
        return _random_nvfp4(rng, rows, columns, deviation)
    if kind in RANDOM_BYTES:
        return _random_bytes(rng, rows, columns, kind, deviation)
    return quantize(deviation * rng.standard_normal((rows, columns), np.float32), kind)


def _random_bytes(
    rng: np.random.Generator, rows: int, columns: int, kind: Type, deviation: float
) -> np.ndarray:
    elements, size = GGML_QUANT_SIZES[kind]
    fields = RANDOM_BYTES[kind]
    blocks = rng.integers(0, 256, (rows, columns // elements, size), np.uint8)

    def set_scales(scale: np.ndarray) -> None:
        offsets = [(fields.scale, scale)]
        if fields.minimum is not None:
            offsets.append((fields.minimum, scale * fields.minimum_ratio))
        for offset, values in offsets:
            stored = values.astype(np.float16)[..., None].view(np.uint8)
            blocks[..., offset : offset + 2] = stored

    set_scales(np.ones(blocks.shape[:2]))
    spread = float(np.std(dequantize_rows(blocks.reshape(rows, -1), kind)))
    set_scales(deviation / spread * rng.uniform(0.5, 1.5, blocks.shape[:2]))
    return blocks.reshape(rows, -1)


def _random_nvfp4(
    rng: np.random.Generator, rows: int, columns: int, deviation: float
) -> np.ndarray:
    """Four unsigned E4M3 scales, then 32 bytes of codes per block of 64."""
    blocks = rng.integers(0, 256, (rows, columns // 64, 36), np.uint8)
    # A scale of code 8 e + m is about 2^(e - 7); the codes' own spread is 3.
    exponent = int(np.round(np.log2(deviation / 3.0))) + 8
    blocks[..., :4] = 8 * max(exponent, 0) + rng.integers(0, 8, blocks[..., :4].shape)
    return blocks.reshape(rows, -1)
