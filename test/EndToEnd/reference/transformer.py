"""The decoder-only forward pass: Gemma 3, GPT-NeoX, Llama, Mistral, Qwen2 and Qwen3."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from reference.checkpoint import Checkpoint

Array = np.ndarray


def rms_norm(x: Array, weight: Array, epsilon: float) -> Array:
    """x / sqrt(mean(x^2) + epsilon) * weight over the last axis.

    GGUF stores Gemma's norm weights with their +1 already added, so all families
    multiply by the stored weight.
    """
    mean_square = np.mean(x * x, axis=-1, keepdims=True)
    return x / np.sqrt(mean_square + np.float32(epsilon)) * weight


def layer_norm(x: Array, weight: Array, bias: Array, epsilon: float) -> Array:
    """(x - mean(x)) / sqrt(variance(x) + epsilon) * weight + bias."""
    centered = x - np.mean(x, axis=-1, keepdims=True)
    variance = np.mean(centered * centered, axis=-1, keepdims=True)
    return centered / np.sqrt(variance + np.float32(epsilon)) * weight + bias


def silu(x: Array) -> Array:
    """x * sigmoid(x), written so that exp never overflows."""
    small = np.exp(-np.abs(x))
    return x * np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def gelu_tanh(x: Array) -> Array:
    """The tanh approximation of GELU."""
    inner = np.float32(np.sqrt(2 / np.pi)) * (x + np.float32(0.044715) * x * x * x)
    return np.float32(0.5) * x * (1 + np.tanh(inner))


def gelu(x: Array) -> Array:
    """x times the normal distribution function."""
    erf = np.array([math.erf(value) for value in (x / math.sqrt(2)).ravel().tolist()])
    return (0.5 * x * (1 + erf.reshape(x.shape))).astype(np.float32)


ACTIVATIONS = {"gemma3": gelu_tanh, "gptneox": gelu}


def rope(
    x: Array, positions: Array, size: int, base: float, interleaved: bool, factors: Array | None
) -> Array:
    """Rotates the first `size` channels of x [tokens, heads, channels].

    Pair i turns by position * base^(-2 i / size) / factors[i]. Angles are formed
    in float64.
    """
    frequencies = base ** (-np.arange(0, size, 2, dtype=np.float64) / size)
    if factors is not None:
        frequencies = frequencies / factors
    angles = np.asarray(positions, np.float64)[:, None] * frequencies
    cos = np.cos(angles).astype(np.float32)[:, None, :]
    sin = np.sin(angles).astype(np.float32)[:, None, :]
    result = x.copy()
    if interleaved:
        first, second = slice(0, size, 2), slice(1, size, 2)
    else:
        first, second = slice(0, size // 2), slice(size // 2, size)
    a, b = x[..., first], x[..., second]
    result[..., first] = a * cos - b * sin
    result[..., second] = a * sin + b * cos
    return result


def attention(q: Array, k: Array, v: Array, visible: Array, scale: float) -> Array:
    """Softmax attention. q [T, H, D], k [S, G, D], v [S, G, E], visible [T, S]
    bool; query head h uses key head h // (H / G). Returns [T, H, E]."""
    group = q.shape[1] // k.shape[1]
    result = np.empty((q.shape[0], q.shape[1], v.shape[2]), np.float32)
    for head in range(q.shape[1]):
        scores = (q[:, head] @ k[:, head // group].T) * np.float32(scale)
        scores = np.where(visible, scores, -np.inf)
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights = scores / scores.sum(axis=-1, keepdims=True)
        result[:, head] = weights @ v[:, head // group]
    return result


@dataclass
class Cache:
    """Keys and values of the tokens seen so far, per layer, with positions and
    segments that all layers share."""

    keys: list[Array] = field(default_factory=list)
    values: list[Array] = field(default_factory=list)
    positions: Array = field(default_factory=lambda: np.empty(0, np.int64))
    segments: Array = field(default_factory=lambda: np.empty(0, np.int64))

    def append(self, layer: int, keys: Array, values: Array) -> tuple[Array, Array]:
        """Adds keys and values and returns all of them."""
        if layer == len(self.keys):
            self.keys.append(keys)
            self.values.append(values)
        else:
            self.keys[layer] = np.concatenate([self.keys[layer], keys])
            self.values[layer] = np.concatenate([self.values[layer], values])
        return self.keys[layer], self.values[layer]


class Transformer:
    """A checkpoint that can be run. All weights are held as float32."""

    def __init__(self, path: Path | str) -> None:
        self.checkpoint = Checkpoint(path)
        self.config = self.checkpoint.config
        self._weights: dict[str, Array | None] = {}

    def __call__(self, ids: list[int]) -> Array:
        """Logits [tokens, vocabulary] of one sequence from position 0."""
        return self.logits(self.hidden(ids))

    def hidden(
        self,
        ids: list[int],
        cache: Cache | None = None,
        positions: Array | None = None,
        segments: Array | None = None,
    ) -> Array:
        """The normed final states [tokens, width] of new tokens.

        A token sees the tokens of its own segment at positions up to its own, in
        sliding layers only those less than a window away.
        """
        config = self.config
        cache = Cache() if cache is None else cache
        past = len(cache.positions)
        if positions is None:
            positions = np.arange(past, past + len(ids))
        if segments is None:
            segments = np.zeros(len(ids), np.int64)
        cache.positions = np.concatenate([cache.positions, positions])
        cache.segments = np.concatenate([cache.segments, segments])

        distance = np.asarray(positions)[:, None] - cache.positions[None, :]
        causal = (distance >= 0) & (np.asarray(segments)[:, None] == cache.segments[None, :])
        sliding = causal & (distance < config.window) if config.window else causal

        x = self._embedding()[np.asarray(ids)]
        if config.architecture == "gemma3":
            x = x * np.float32(np.sqrt(config.width))
        masks = [sliding if config.is_sliding(layer) else causal for layer in range(config.layers)]
        return self._norm("output_norm", self._blocks(x, positions, masks, cache))

    def _blocks(self, x: Array, positions: Array, masks: list[Array], cache: Cache) -> Array:
        """What all blocks make of the embeddings. masks: visible [T, S] of each."""
        for layer, visible in enumerate(masks):
            y = x + self._attention_block(layer, x, positions, visible, cache)
            x = y + self._feed_forward_block(layer, x if self.config.parallel else y)
        return x

    def logits(self, hidden: Array) -> Array:
        """Final states [tokens, width] to logits [tokens, vocabulary]."""
        head = self._weight("output.weight")
        return hidden @ (self._embedding() if head is None else head).T

    def generate(self, ids: list[int], count: int) -> list[int]:
        """The `count` tokens that follow when the likeliest is always taken."""
        cache = Cache()
        result: list[int] = []
        while len(result) < count:
            hidden = self.hidden(result[-1:] or ids, cache)
            result.append(int(np.argmax(self.logits(hidden[-1:])[0])))
        return result

    def _attention_block(
        self, layer: int, x: Array, positions: Array, visible: Array, cache: Cache
    ) -> Array:
        prefix = f"blk.{layer}."
        q, k, v = self._project(layer, x, positions)
        keys, values = cache.append(layer, k, v)
        mixed = attention(q, keys, values, visible, 1 / np.sqrt(self.config.key_size))
        y = self._linear(prefix + "attn_output", mixed.reshape(len(x), -1))
        return self._optional_norm(prefix + "post_attention_norm.weight", y)

    def _project(self, layer: int, x: Array, positions: Array) -> tuple[Array, Array, Array]:
        """Queries and keys, rotated, and values."""
        config, prefix = self.config, f"blk.{layer}."
        tokens = len(x)
        normed = self._norm(prefix + "attn_norm", x)
        if self._weight(prefix + "attn_qkv.weight") is None:
            parts = [self._linear(prefix + "attn_" + name, normed) for name in "qkv"]
        else:
            queries, keys = (n * config.key_size for n in (config.heads, config.kv_heads))
            stacked = self._linear(prefix + "attn_qkv", normed)
            parts = np.split(stacked, [queries, queries + keys], axis=-1)
        q = parts[0].reshape(tokens, config.heads, -1)
        k, v = (part.reshape(tokens, config.kv_heads, -1) for part in parts[1:])
        q = self._optional_norm(prefix + "attn_q_norm.weight", q)
        k = self._optional_norm(prefix + "attn_k_norm.weight", k)
        base, scale = config.layer_rope(layer)
        factors = self._weight("rope_freqs.weight")
        scaled = np.asarray(positions) * scale
        q = rope(q, scaled, config.rope_size, base, config.interleaved_rope, factors)
        k = rope(k, scaled, config.rope_size, base, config.interleaved_rope, factors)
        return q, k, v

    def _feed_forward_block(self, layer: int, x: Array) -> Array:
        prefix = f"blk.{layer}."
        activation = ACTIVATIONS.get(self.config.architecture, silu)
        normed = self._norm(prefix + "ffn_norm", x)
        inner = self._linear(prefix + "ffn_up", normed)
        if self._weight(prefix + "ffn_gate.weight") is None:
            inner = activation(inner)
        else:
            inner = activation(self._linear(prefix + "ffn_gate", normed)) * inner
        y = self._linear(prefix + "ffn_down", inner)
        return self._optional_norm(prefix + "post_ffw_norm.weight", y)

    def _linear(self, name: str, x: Array) -> Array:
        y = x @ self._need(name + ".weight").T
        bias = self._weight(name + ".bias")
        return y if bias is None else y + bias

    def _norm(self, name: str, x: Array) -> Array:
        weight, bias = self._need(name + ".weight"), self._weight(name + ".bias")
        if bias is None:
            return rms_norm(x, weight, self.config.norm_epsilon)
        return layer_norm(x, weight, bias, self.config.norm_epsilon)

    def _optional_norm(self, name: str, x: Array) -> Array:
        weight = self._weight(name)
        return x if weight is None else rms_norm(x, weight, self.config.norm_epsilon)

    def _embedding(self) -> Array:
        return self._need("token_embd.weight")

    def _need(self, name: str) -> Array:
        weight = self._weight(name)
        if weight is None:
            raise KeyError(f"the checkpoint has no tensor {name}")
        return weight

    def _weight(self, name: str) -> Array | None:
        if name not in self._weights:
            self._weights[name] = self.checkpoint.weight(name)
        return self._weights[name]
