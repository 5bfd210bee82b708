#!/usr/bin/env python3
"""Write the golden decodes of unittests/Formats.

One file per format, test/Golden/Formats/<name>.golden, little-endian:
u32 number of blocks, the bytes of the blocks, the decoded f32 numbers. The
decodes come from the `gguf` Python package; Q1_0 and Q2_0, which it cannot
decode, from the NumPy formulas below. The blocks are random bytes from a fixed
seed; floating-point scales are set so that zeros, negative, subnormal,
infinite and NaN scales all occur.

Usage: scripts/make_format_goldens.py [output directory]
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType

SEED = 20

# f16 scales, as bits: 0.0123, -0.031, 0, -0, a subnormal, inf, -inf, NaN.
F16_SCALES = [0x224C, 0xA7F0, 0x0000, 0x8000, 0x0155, 0x7C00, 0xFC00, 0x7E01]
# f16 offsets that go with them: finite beside special scales and the reverse.
F16_OFFSETS = [0x21A9, 0x2000, 0xA2B3, 0x0000, 0x7C00, 0x2345, 0x7C00, 0x0001]
E8M0_SCALES = [0, 1, 2, 100, 127, 128, 254, 255]
UE4M3_SCALES = [0x00, 0x01, 0x07, 0x08, 0x38, 0x7E, 0x7F, 0x80, 0x81, 0xB9, 0xFE, 0xFF]

# name: (elements, bytes, offset of the f16 scale, offset of the f16 offset)
FORMATS: dict[str, tuple[int, int, int | None, int | None]] = {
    "f32": (1, 4, None, None),
    "f16": (1, 2, None, None),
    "bf16": (1, 2, None, None),
    "q4_0": (32, 18, 0, None),
    "q4_1": (32, 20, 0, 2),
    "q5_0": (32, 22, 0, None),
    "q5_1": (32, 24, 0, 2),
    "q8_0": (32, 34, 0, None),
    "q2_k": (256, 84, 80, 82),
    "q3_k": (256, 110, 108, None),
    "q4_k": (256, 144, 0, 2),
    "q5_k": (256, 176, 0, 2),
    "q6_k": (256, 210, 208, None),
    "iq4_nl": (32, 18, 0, None),
    "iq4_xs": (256, 136, 0, None),
    "tq1_0": (256, 54, 52, None),
    "tq2_0": (256, 66, 64, None),
    "q1_0": (128, 18, 0, None),
    "q2_0": (64, 18, 0, None),
    "mxfp4": (32, 17, None, None),
    "nvfp4": (64, 36, None, None),
}


def make_blocks(name: str, generator: np.random.Generator) -> np.ndarray:
    """Random blocks of a format, [blocks, bytes], with chosen scales."""
    elements, size, scale_at, offset_at = FORMATS[name]
    # Superblocks are long: fewer of them still cover the special scales.
    if elements == 1:
        count = 64
    elif elements == 256:
        count = 4
    else:
        count = 8
    blocks = generator.integers(0, 256, (count, size), dtype=np.uint8)
    for block in range(count):
        # With four blocks: normal, negative zero or zero, infinity, NaN.
        pick = block if count == 8 else (0, 3, 5, 7)[block % 4]
        if scale_at is not None:
            blocks[block, scale_at : scale_at + 2] = list(struct.pack("<H", F16_SCALES[pick]))
        if offset_at is not None:
            blocks[block, offset_at : offset_at + 2] = list(struct.pack("<H", F16_OFFSETS[pick]))
        if name == "mxfp4":
            blocks[block, 0] = E8M0_SCALES[block]
        if name == "nvfp4":
            blocks[block, :4] = np.roll(UE4M3_SCALES, -4 * (block % 3))[:4]
    if elements == 1:
        special = {
            "f32": np.array([0, 1 << 31, 1, 0x7F800000, 0xFF800000, 0x7FC00001], "<u4"),
            "f16": np.array([*F16_SCALES, 0x03FF, 0x0400, 0x7BFF], "<u2"),
            "bf16": np.array([0, 0x8000, 1, 0x7F80, 0xFF80, 0x7FC1], "<u2"),
        }[name]
        blocks[: len(special)] = special.view(np.uint8).reshape(len(special), size)
    return blocks


def decode(name: str, blocks: np.ndarray) -> np.ndarray:
    """The numbers of the blocks, [blocks, elements] float32."""
    elements = FORMATS[name][0]
    if name == "f32":
        return blocks.view("<f4")
    if name in ("q1_0", "q2_0"):
        bits = 1 if name == "q1_0" else 2
        scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
        index = np.arange(elements)
        byte = blocks[:, 2 + index * bits // 8]
        code = (byte >> (index * bits % 8)) & (2**bits - 1)
        if name == "q1_0":
            return np.where(code == 1, scale, -scale)
        return scale * (code.astype(np.float32) - np.float32(1))
    kind = GGMLQuantizationType[name.upper()]
    return gguf.quants.dequantize(blocks, kind).reshape(len(blocks), elements)


def main() -> None:
    """Write all files."""
    root = Path(__file__).resolve().parent.parent
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else root / "test" / "Golden" / "Formats"
    folder.mkdir(parents=True, exist_ok=True)
    np.seterr(all="ignore")
    total = 0
    for index, name in enumerate(FORMATS):
        blocks = make_blocks(name, np.random.default_rng([SEED, index]))
        numbers = np.ascontiguousarray(decode(name, blocks), dtype="<f4")
        data = struct.pack("<I", len(blocks)) + blocks.tobytes() + numbers.tobytes()
        (folder / f"{name}.golden").write_bytes(data)
        total += len(data)
    print(f"{len(FORMATS)} files, {total} bytes, gguf decoders and NumPy formulas")


if __name__ == "__main__":
    main()
