"""Damaged copies of a GGUF file, each with one thing wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from gguf import GGUFReader

Damage = Callable[[bytearray, "Layout"], None]


class Layout:
    """Where things are in a GGUF file."""

    def __init__(self, path: Path) -> None:
        self._reader = GGUFReader(path)
        self._base = self._reader.data.ctypes.data
        self.data = int(self._reader.data_offset)

    def _offset(self, part: np.ndarray) -> int:
        return part.ctypes.data - self._base

    def dimensions(self, tensor: str) -> int:
        """Offset of the first dimension (the columns) of a tensor, a u64."""
        return self._offset(self._tensor(tensor).field.parts[3])

    def kind(self, tensor: str) -> int:
        """Offset of a tensor's type, a u32."""
        return self._offset(self._tensor(tensor).field.parts[4])

    def data_offset(self, tensor: str) -> int:
        """Offset of a tensor's data offset, a u64."""
        return self._offset(self._tensor(tensor).field.parts[5])

    def tensor_name(self, tensor: str) -> int:
        """Offset of the first byte of a tensor's name."""
        return self._offset(self._tensor(tensor).field.parts[1])

    def value(self, key: str, part: int = -1) -> int:
        """Offset of a part of a metadata field: 0 is the length of the key, 3 of
        an array its element type, 4 its length."""
        return self._offset(self._reader.fields[key].parts[part])

    def _tensor(self, name: str):
        return next(tensor for tensor in self._reader.tensors if tensor.name == name)


def put(data: bytearray, offset: int, value: int, size: int = 8) -> None:
    """Overwrites a little-endian integer."""
    data[offset : offset + size] = value.to_bytes(size, "little")


def truncated(at: float) -> Damage:
    """Cut at a share of the bytes in front of the tensor data (below 1), or of
    all bytes (1 to 2)."""

    def damage(data: bytearray, layout: Layout) -> None:
        end = layout.data * at if at < 1 else len(data) * (at - 1)
        del data[int(end) :]

    return damage


def magic(data: bytearray, _: Layout) -> None:
    data[:4] = b"GGML"


def version(data: bytearray, _: Layout) -> None:
    put(data, 4, 99, 4)


def empty(data: bytearray, _: Layout) -> None:
    data.clear()


def tensor_count(data: bytearray, _: Layout) -> None:
    put(data, 8, 1 << 62)


def metadata_count(data: bytearray, _: Layout) -> None:
    put(data, 16, (1 << 64) - 1)


def key_length(data: bytearray, layout: Layout) -> None:
    put(data, layout.value("general.architecture", 0), (1 << 63) + 5)


def array_length(data: bytearray, layout: Layout) -> None:
    put(data, layout.value("tokenizer.ggml.scores", 4), 1 << 61)


def architecture(data: bytearray, layout: Layout) -> None:
    offset = layout.value("general.architecture")
    data[offset : offset + 5] = b"llamb"


def missing_key(data: bytearray, layout: Layout) -> None:
    data[layout.value("llama.embedding_length", 1)] ^= 1


def no_heads(data: bytearray, layout: Layout) -> None:
    put(data, layout.value("llama.attention.head_count"), 0, 4)


def many_layers(data: bytearray, layout: Layout) -> None:
    put(data, layout.value("llama.block_count"), 0x7FFFFFFF, 4)


def overlap(data: bytearray, layout: Layout) -> None:
    first = layout.data_offset("blk.0.attn_q.weight")
    second = layout.data_offset("blk.0.attn_k.weight")
    data[second : second + 8] = data[first : first + 8]


def far_tensor(data: bytearray, layout: Layout) -> None:
    put(data, layout.data_offset("blk.1.ffn_up.weight"), (1 << 64) - 64)


def unaligned_tensor(data: bytearray, layout: Layout) -> None:
    offset = layout.data_offset("blk.1.ffn_up.weight")
    put(data, offset, int.from_bytes(data[offset : offset + 8], "little") + 1)


def wrong_shape(data: bytearray, layout: Layout) -> None:
    put(data, layout.dimensions("blk.0.attn_q.weight") + 8, 79)


def huge_shape(data: bytearray, layout: Layout) -> None:
    offset = layout.dimensions("blk.0.attn_q.weight")
    put(data, offset, 1 << 33)
    put(data, offset + 8, 1 << 33)


def unknown_format(data: bytearray, layout: Layout) -> None:
    put(data, layout.kind("blk.0.attn_q.weight"), 12345, 4)


def missing_tensor(data: bytearray, layout: Layout) -> None:
    offset = layout.tensor_name("blk.0.attn_q.weight")
    data[offset : offset + 6] = b"blk.0_"


def unknown_tensor(data: bytearray, layout: Layout) -> None:
    offset = layout.tensor_name("output.weight")
    data[offset : offset + 6] = b"outpux"


# What is wrong, how, and words that the message has to contain.
DAMAGES: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "empty": (empty, ()),
    "cut in the header": (truncated(0.004), ()),
    "cut in the metadata": (truncated(0.3), ()),
    "cut in the tensor table": (truncated(0.95), ()),
    "cut in the data": (truncated(1.7), ()),
    "wrong magic": (magic, ("GGUF",)),
    "unknown version": (version, ("version", "99")),
    "huge tensor count": (tensor_count, ("tensor",)),
    "huge metadata count": (metadata_count, ("metadata",)),
    "huge key": (key_length, ()),
    "huge array": (array_length, ("count",)),
    "unknown architecture": (architecture, ("llamb", "gemma3", "llama", "qwen2", "qwen3")),
    "missing key": (missing_key, ("llama.embedding_length",)),
    "no heads": (no_heads, ("head_count",)),
    "many layers": (many_layers, ("block_count",)),
    "overlapping tensors": (overlap, ("blk.0.attn_k.weight", "blk.0.attn_q.weight")),
    "tensor outside the file": (far_tensor, ("blk.1.ffn_up.weight",)),
    "unaligned tensor": (unaligned_tensor, ("blk.1.ffn_up.weight",)),
    "wrong shape": (wrong_shape, ("blk.0.attn_q.weight",)),
    "huge shape": (huge_shape, ("blk.0.attn_q.weight",)),
    "unknown format": (unknown_format, ("blk.0.attn_q.weight", "12345")),
    "missing tensor": (missing_tensor, ("blk.0.attn_q.weight",)),
    "unknown tensor": (unknown_tensor, ("outpux.weight",)),
}


def damaged(source: Path, target: Path, damage: Damage) -> Path:
    """Writes the damaged copy of `source` to `target`."""
    data = bytearray(source.read_bytes())
    damage(data, Layout(source))
    target.write_bytes(data)
    return target
