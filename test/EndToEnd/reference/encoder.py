"""BERT-like encoders of text in NumPy, as the papers and `transformers` define
them, one text at a time, in float32 with sums in float64."""

from __future__ import annotations

import json
import struct
from math import erf, log, pi, sqrt
from pathlib import Path
from typing import ClassVar

import numpy as np

Tensors = dict[str, np.ndarray]

DTYPES = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2")}


def read_safetensors(path: Path) -> Tensors:
    """The float tensors of a file: a length, a JSON header, bytes."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] not in DTYPES:
            continue
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        flat = np.frombuffer(data[begin:end], DTYPES[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"]).astype(np.float32)
    return tensors


def layer_norm(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, epsilon: float) -> np.ndarray:
    """Over the last axis."""
    wide = x.astype(np.float64)
    centred = wide - wide.mean(-1, keepdims=True)
    variance = (centred**2).mean(-1, keepdims=True)
    return (centred / np.sqrt(variance + epsilon) * weight + bias).astype(np.float32)


def gelu(x: np.ndarray) -> np.ndarray:
    """With the error function."""
    return (0.5 * x * (1 + np.vectorize(erf)(x / sqrt(2)))).astype(np.float32)


def gelu_tanh(x: np.ndarray) -> np.ndarray:
    """Its approximation, "gelu_new"."""
    wide = x.astype(np.float64)
    inner = sqrt(2 / pi) * (wide + 0.044715 * wide**3)
    return (0.5 * wide * (1 + np.tanh(inner))).astype(np.float32)


ACTIVATIONS = {"gelu": gelu, "gelu_new": gelu_tanh}


def relative_buckets(tokens: int, buckets: int) -> np.ndarray:
    """T5's buckets of key minus query position (arXiv 1910.10683)."""
    half, exact = buckets // 2, buckets // 4
    offset = np.arange(tokens)[None, :] - np.arange(tokens)[:, None]

    def bucket(distance: int) -> int:
        if distance < exact:
            return distance
        grown = exact + int(log(distance / exact) / log(128 / exact) * (half - exact) + 1e-9)
        return min(grown, half - 1)

    table = np.array([bucket(distance) for distance in range(tokens)])
    return table[np.abs(offset)] + np.where(offset > 0, half, 0)


class TextEncoder:
    """A BertModel or MPNetModel in a directory."""

    NAMES: ClassVar[dict[str, dict[str, str]]] = {
        "bert": {
            "q": "attention.self.query",
            "k": "attention.self.key",
            "v": "attention.self.value",
            "o": "attention.output.dense",
            "norm": "attention.output.LayerNorm",
        },
        "mpnet": {
            "q": "attention.attn.q",
            "k": "attention.attn.k",
            "v": "attention.attn.v",
            "o": "attention.attn.o",
            "norm": "attention.LayerNorm",
        },
    }

    def __init__(self, directory: Path) -> None:
        self.config = json.loads((directory / "config.json").read_text())
        self.tensors = read_safetensors(directory / "model.safetensors")
        self.epsilon = self.config["layer_norm_eps"]
        self.heads = self.config["num_attention_heads"]
        self.names = self.NAMES[self.config["model_type"]]
        self.activation = ACTIVATIONS[self.config["hidden_act"]]

    def linear(self, x: np.ndarray, name: str) -> np.ndarray:
        weight, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        return (x.astype(np.float64) @ weight.T.astype(np.float64) + bias).astype(np.float32)

    def norm(self, x: np.ndarray, name: str) -> np.ndarray:
        weight, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        return layer_norm(x, weight, bias, self.epsilon)

    def embed(self, ids: list[int]) -> np.ndarray:
        x = self.tensors["embeddings.word_embeddings.weight"][ids]
        first = 0
        if self.config["model_type"] == "mpnet":
            first = self.config["pad_token_id"] + 1
        else:
            x = x + self.tensors["embeddings.token_type_embeddings.weight"][0]
        positions = self.tensors["embeddings.position_embeddings.weight"]
        return self.norm(x + positions[first : first + len(ids)], "embeddings.LayerNorm")

    def bias(self, tokens: int) -> np.ndarray | float:
        table = self.tensors.get("encoder.relative_attention_bias.weight")
        if table is None:
            return 0.0
        return table[relative_buckets(tokens, len(table))].transpose(2, 0, 1)

    def attention(self, x: np.ndarray, prefix: str, bias: np.ndarray | float) -> np.ndarray:
        tokens, width = x.shape
        split = (tokens, self.heads, width // self.heads)
        q, k, v = (
            self.linear(x, prefix + self.names[part]).reshape(split).astype(np.float64)
            for part in "qkv"
        )
        scores = np.einsum("ihc,jhc->hij", q, k) / sqrt(split[2]) + bias
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        joined = np.einsum("hij,jhc->ihc", weights, v).reshape(tokens, width)
        return self.linear(joined.astype(np.float32), prefix + self.names["o"])

    def hidden(self, ids: list[int]) -> np.ndarray:
        """The last hidden states of a text, float32 [tokens, width]."""
        x = self.embed(ids)
        bias = self.bias(len(ids))
        for layer in range(self.config["num_hidden_layers"]):
            prefix = f"encoder.layer.{layer}."
            x = self.norm(x + self.attention(x, prefix, bias), prefix + self.names["norm"])
            inner = self.activation(self.linear(x, prefix + "intermediate.dense"))
            outer = self.linear(inner, prefix + "output.dense")
            x = self.norm(x + outer, prefix + "output.LayerNorm")
        return x

    def embedding(self, ids: list[int]) -> np.ndarray:
        """The mean of the hidden states, scaled to length 1."""
        mean = self.hidden(ids).astype(np.float64).mean(0)
        return (mean / np.linalg.norm(mean)).astype(np.float32)
