"""Writes tiny random GGUF models of every family and number format.

    make_tiny_models.py DIRECTORY

Shapes are odd on purpose: float widths that are no multiple of 32, block
formats at widths 96 and 160 with odd row counts, head sizes 20 and 28, grouped
heads, a vocabulary of 77, a sliding window of 16. The same seed gives the same
bytes, so nothing but what other programs said of them is checked in.
"""

from __future__ import annotations

import string
import sys
import zlib
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "test" / "EndToEnd"))

from random_blocks import random_weight  # noqa: E402

VOCABULARY = 77
TOKENS = 61
"""Length of the test sequence: almost four windows, no multiple of anything."""

BLOCKS_OF_32 = (Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0, Type.IQ4_NL, Type.MXFP4)
BLOCKS_OF_256 = (
    Type.Q2_K,
    Type.Q3_K,
    Type.Q4_K,
    Type.Q5_K,
    Type.Q6_K,
    Type.IQ4_XS,
    Type.TQ1_0,
    Type.TQ2_0,
)


@dataclass(frozen=True)
class TinyModel:
    """One model. Formats are dealt out in turn, to the gate and up projections
    (whose row counts are odd) and to the other weights apart, so that each format
    comes to both; a weight whose columns none of them divides takes `fallback`."""

    name: str
    architecture: str
    layers: int
    width: int
    feed_forward: int
    heads: int
    kv_heads: int
    head_size: int
    formats: tuple[Type, ...] = (Type.F32,)
    fallback: Type = Type.F32
    embedding: Type = Type.F32
    tied: bool = False
    window: int = 0
    rope_factors: bool = False
    rope_size: int = 0
    """Leading channels of a head that rope turns; 0: all."""
    parallel: bool = True
    """GPT-NeoX: the MLP reads what attention reads."""

    def token_ids(self) -> list[int]:
        """The sequence that tests run."""
        rng = np.random.default_rng(zlib.crc32(self.name.encode()) + 1)
        return [1, *rng.integers(3, VOCABULARY, TOKENS - 1).tolist()]

    @property
    def exact(self) -> bool:
        """Whether every weight is a plain float, so that programs which round
        activations in front of block formats agree as well."""
        return all(kind == Type.F32 for kind in (*self.formats, self.fallback, self.embedding))


# llama.cpp wants heads * head size = width of qwen2 and gptneox models.
MODELS = (
    TinyModel("llama-f32", "llama", 3, 52, 76, 4, 2, 20),
    TinyModel("llama3-f32", "llama", 2, 44, 84, 6, 2, 28, tied=True, rope_factors=True),
    TinyModel("mistral-f32", "llama", 3, 60, 92, 4, 1, 28, window=16),
    TinyModel("qwen2-f32", "qwen2", 2, 84, 100, 3, 1, 28),
    TinyModel("qwen3-f32", "qwen3", 2, 76, 52, 4, 4, 20),
    TinyModel("gemma3-f32", "gemma3", 7, 68, 100, 4, 2, 20, tied=True, window=16),
    TinyModel(
        "llama-blocks-96", "llama", 4, 96, 99, 8, 2, 20, BLOCKS_OF_32, Type.F16, Type.Q8_0
    ),
    TinyModel(
        "qwen2-blocks-160", "qwen2", 4, 160, 77, 8, 2, 20, BLOCKS_OF_32, Type.BF16, Type.Q5_1
    ),
    TinyModel(
        "qwen3-k-quants", "qwen3", 4, 256, 99, 3, 1, 28, BLOCKS_OF_256, Type.F16, Type.Q6_K
    ),
    TinyModel(
        "gemma3-k-quants", "gemma3", 7, 256, 256, 4, 2, 64, BLOCKS_OF_256, Type.Q8_0, Type.Q4_K,
        tied=True, window=16,
    ),
    TinyModel(
        "llama-small-floats", "llama", 2, 128, 195, 4, 2, 32,
        (Type.NVFP4, Type.MXFP4, Type.Q1_0), Type.BF16, Type.BF16,
    ),
    TinyModel("gptneox-f32", "gptneox", 2, 84, 100, 3, 3, 28, rope_size=12),
    TinyModel(
        "gptneox-blocks-160", "gptneox", 3, 160, 96, 8, 8, 20, BLOCKS_OF_32, Type.F16, Type.Q8_0,
        rope_size=8, parallel=False,
    ),
)  # fmt: skip


def make_model(model: TinyModel, path: Path) -> None:
    """Writes one model."""
    writer = gguf.GGUFWriter(path, model.architecture)
    _add_metadata(writer, model)
    _add_vocabulary(writer)
    _TensorWriter(writer, model).write()
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_metadata(writer: gguf.GGUFWriter, model: TinyModel) -> None:
    writer.add_name(model.name)
    writer.add_context_length(256)
    writer.add_embedding_length(model.width)
    writer.add_block_count(model.layers)
    writer.add_feed_forward_length(model.feed_forward)
    writer.add_head_count(model.heads)
    writer.add_head_count_kv(model.kv_heads)
    writer.add_key_length(model.head_size)
    writer.add_value_length(model.head_size)
    writer.add_rope_dimension_count(model.rope_size or model.head_size)
    if model.architecture == "gptneox":
        writer.add_layer_norm_eps(1e-5)
        writer.add_parallel_residual(model.parallel)
    else:
        writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(50000.0)
    writer.add_vocab_size(VOCABULARY)
    if model.window:
        writer.add_sliding_window(model.window)


def _add_vocabulary(writer: gguf.GGUFWriter) -> None:
    """A SentencePiece vocabulary: letters, digits, a few words."""
    words = ["▁a", "▁t", "th", "the", "▁the", "in", "er", "▁th", "an", "on"]
    pieces = ["▁", *string.ascii_letters, *string.digits, *words]
    tokens = ["<unk>", "<s>", "</s>", "<0x0A>", *pieces][:VOCABULARY]
    types = [gguf.TokenType.UNKNOWN, *[gguf.TokenType.CONTROL] * 2, gguf.TokenType.BYTE]
    types += [gguf.TokenType.NORMAL] * (VOCABULARY - len(types))
    assert len(tokens) == VOCABULARY
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(index) for index in range(VOCABULARY)])
    writer.add_token_types(types)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)


class _TensorWriter:
    """Adds the tensors of a model in the order of its layers."""

    def __init__(self, writer: gguf.GGUFWriter, model: TinyModel) -> None:
        self._writer = writer
        self._model = model
        self._rng = np.random.default_rng(zlib.crc32(model.name.encode()))
        self._formats = {False: cycle(model.formats), True: cycle(model.formats)}

    def write(self) -> None:
        model = self._model
        self._weight("token_embd.weight", VOCABULARY, model.width, 1.0, model.embedding)
        self._norm("output_norm.weight", model.width)
        if not model.tied:
            self._weight("output.weight", VOCABULARY, model.width)
        if model.rope_factors:
            factors = self._rng.uniform(1.0, 8.0, model.head_size // 2)
            self._writer.add_tensor("rope_freqs.weight", factors.astype(np.float32))
        for layer in range(model.layers):
            self._attention(f"blk.{layer}.")
            self._feed_forward(f"blk.{layer}.")

    def _attention(self, prefix: str) -> None:
        model = self._model
        queries, keys = model.heads * model.head_size, model.kv_heads * model.head_size
        self._norm(prefix + "attn_norm.weight", model.width)
        if model.architecture == "gptneox":
            self._weight(prefix + "attn_qkv.weight", queries + 2 * keys, model.width, 1.5)
            self._bias(prefix + "attn_qkv", queries + 2 * keys)
            self._weight(prefix + "attn_output.weight", model.width, queries)
            self._bias(prefix + "attn_output", model.width)
            return
        # Twice the usual spread: attention that prefers some keys clearly shows
        # mistakes in positions and masks.
        self._weight(prefix + "attn_q.weight", queries, model.width, 2.0)
        self._weight(prefix + "attn_k.weight", keys, model.width, 2.0)
        self._weight(prefix + "attn_v.weight", keys, model.width)
        self._weight(prefix + "attn_output.weight", model.width, queries)
        if model.architecture == "qwen2":
            for name, rows in (("q", queries), ("k", keys), ("v", keys)):
                self._bias(f"{prefix}attn_{name}", rows)
        if model.architecture in ("qwen3", "gemma3"):
            self._norm(prefix + "attn_q_norm.weight", model.head_size)
            self._norm(prefix + "attn_k_norm.weight", model.head_size)
        if model.architecture == "gemma3":
            self._norm(prefix + "post_attention_norm.weight", model.width)

    def _feed_forward(self, prefix: str) -> None:
        model = self._model
        self._norm(prefix + "ffn_norm.weight", model.width)
        if model.architecture != "gptneox":
            self._weight(prefix + "ffn_gate.weight", model.feed_forward, model.width)
        self._weight(prefix + "ffn_up.weight", model.feed_forward, model.width)
        self._weight(prefix + "ffn_down.weight", model.width, model.feed_forward)
        if model.architecture == "gptneox":
            self._bias(prefix + "ffn_up", model.feed_forward)
            self._bias(prefix + "ffn_down", model.width)
        if model.architecture == "gemma3":
            self._norm(prefix + "post_ffw_norm.weight", model.width)

    def _weight(
        self, name: str, rows: int, columns: int, gain: float = 1.0, kind: Type | None = None
    ) -> None:
        deviation = gain / np.sqrt(columns)
        if kind is None:
            kind = self._next_format(columns, rows == self._model.feed_forward)
        data = random_weight(self._rng, rows, columns, kind, deviation)
        self._writer.add_tensor(name, data, raw_dtype=kind)

    def _next_format(self, columns: int, is_feed_forward: bool) -> Type:
        model = self._model
        if not any(columns % gguf.GGML_QUANT_SIZES[kind][0] == 0 for kind in model.formats):
            return model.fallback
        return next(
            kind
            for kind in self._formats[is_feed_forward]
            if columns % gguf.GGML_QUANT_SIZES[kind][0] == 0
        )

    def _norm(self, name: str, size: int) -> None:
        self._vector(name, 1 + 0.2 * self._normal(size))
        if self._model.architecture == "gptneox":
            self._bias(name.removesuffix(".weight"), size)

    def _bias(self, name: str, size: int) -> None:
        self._vector(name + ".bias", 0.5 * self._normal(size))

    def _vector(self, name: str, values: np.ndarray) -> None:
        self._writer.add_tensor(name, values.astype(np.float32))

    def _normal(self, size: int) -> np.ndarray:
        return self._rng.standard_normal(size, np.float32)


def make_all(directory: Path) -> dict[str, Path]:
    """Writes all models and returns their paths by name."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = {}
    for model in MODELS:
        paths[model.name] = directory / f"{model.name}.gguf"
        make_model(model, paths[model.name])
    return paths


if __name__ == "__main__":
    for tiny_path in make_all(Path(sys.argv[1])).values():
        print(tiny_path)
