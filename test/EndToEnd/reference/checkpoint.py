"""Configuration and dequantized weights of a GGUF checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFReader

from reference.formats import dequantize_rows

# Rows of a weight that are dequantized at once: bounds the temporaries.
ROWS_AT_ONCE = 16384

SUPPORTED = ("gemma3", "gptneox", "llama", "qwen2", "qwen3")


@dataclass(frozen=True)
class Config:
    """What the forward pass needs to know beside the weights."""

    architecture: str
    layers: int
    width: int
    heads: int
    kv_heads: int
    key_size: int
    value_size: int
    rope_size: int
    rope_base: float
    rope_scale: float
    """Positions are multiplied by it (1 / linear scaling factor)."""
    norm_epsilon: float
    window: int
    """Keys that a sliding layer sees, itself included; 0: no sliding layer."""
    parallel: bool
    """Whether the MLP reads what attention reads."""

    @property
    def interleaved_rope(self) -> bool:
        """Whether rope turns channels (2i, 2i+1) or (i, i + rope_size / 2).

        Llama's GGUF files store the rows of q and k permuted so that the
        interleaved form gives what the original checkpoint computes with halves.
        """
        return self.architecture == "llama"

    def is_sliding(self, layer: int) -> bool:
        """Gemma 3: every sixth layer is global. Others: all layers alike."""
        if self.window == 0:
            return False
        return self.architecture != "gemma3" or layer % 6 != 5

    def layer_rope(self, layer: int) -> tuple[float, float]:
        """(base, position scale). Gemma 3's sliding layers use base 10,000, which
        the file does not say, and no position scaling."""
        if self.architecture == "gemma3" and self.is_sliding(layer):
            return 10000.0, 1.0
        return self.rope_base, self.rope_scale


class Checkpoint:
    """A GGUF file with its weights as float32 arrays of shape [out, in]."""

    def __init__(self, path: Path | str) -> None:
        self._reader = GGUFReader(path)
        self._tensors = {tensor.name: tensor for tensor in self._reader.tensors}
        self.config = self._read_config()

    def metadata(self, key: str, default: Any = None) -> Any:
        """The value of a metadata key; without a default it has to be there."""
        field = self._reader.get_field(key)
        if field is not None:
            return field.contents()
        if default is None:
            raise KeyError(f"the checkpoint has no metadata key {key}")
        return default

    def weight(self, name: str) -> np.ndarray | None:
        """A tensor as float32, or None where the checkpoint has none."""
        tensor = self._tensors.get(name)
        if tensor is None:
            return None
        shape = tuple(int(size) for size in reversed(tensor.shape))
        if len(shape) == 1:
            return tensor.data.astype(np.float32)
        result = np.empty(shape, np.float32)
        for start in range(0, shape[0], ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            result[rows] = dequantize_rows(tensor.data[rows], tensor.tensor_type)
        return result

    def rows(self, name: str, count: int) -> np.ndarray:
        """The first rows of a matrix as float32."""
        tensor = self._tensors[name]
        return dequantize_rows(tensor.data[:count], tensor.tensor_type)

    def names(self) -> list[str]:
        """Names of all tensors."""
        return list(self._tensors)

    def tensor_bytes(self) -> int:
        """Bytes of all tensors as stored."""
        return sum(int(tensor.n_bytes) for tensor in self._tensors.values())

    def _read_config(self) -> Config:
        architecture = self.metadata("general.architecture")
        if architecture not in SUPPORTED:
            raise ValueError(f"no reference for architecture {architecture!r}")

        def get(key: str, default: Any = None) -> Any:
            return self.metadata(f"{architecture}.{key}", default)

        width = get("embedding_length")
        heads = get("attention.head_count")
        key_size = get("attention.key_length", width // heads)
        linear = get("rope.scaling.type", "linear") == "linear"
        return Config(
            architecture=architecture,
            layers=get("block_count"),
            width=width,
            heads=heads,
            kv_heads=get("attention.head_count_kv", heads),
            key_size=key_size,
            value_size=get("attention.value_length", width // heads),
            rope_size=get("rope.dimension_count", key_size),
            rope_base=float(get("rope.freq_base", 10000.0)),
            rope_scale=1.0 / get("rope.scaling.factor", 1.0) if linear else 1.0,
            norm_epsilon=float(get("attention.layer_norm_rms_epsilon", 0))
            or float(get("attention.layer_norm_epsilon")),
            window=get("attention.sliding_window", 0),
            parallel=bool(get("use_parallel_residual", False)),
        )
