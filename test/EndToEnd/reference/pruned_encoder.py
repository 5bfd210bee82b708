"""Encoders whose tokens leave behind attention layers, in NumPy: EViT (arXiv
2202.07800), the same by a threshold, ToMe (arXiv 2210.09461) and Turbo (arXiv
2407.11717)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from math import ceil, sqrt
from pathlib import Path

import numpy as np

from reference.encoder import TextEncoder, gelu, layer_norm, read_safetensors


@dataclass
class Tokens:
    """What is left of a text: a state for each row, the tokens that are in it,
    and the last state of tokens that are in none."""

    states: np.ndarray
    members: list[list[int]]
    left: dict[int, np.ndarray] = field(default_factory=dict)

    @classmethod
    def all(cls, states: np.ndarray) -> Tokens:
        return cls(states, [[row] for row in range(len(states))])

    @property
    def places(self) -> list[int]:
        """The token that each row began as."""
        return [row[0] for row in self.members]

    @property
    def sizes(self) -> np.ndarray:
        return np.array([len(row) for row in self.members], np.float64)

    def restored(self) -> np.ndarray:
        """A state for each token of the text."""
        rows = dict(self.left)
        for state, row in zip(self.states, self.members, strict=True):
            rows |= dict.fromkeys(row, state)
        return np.stack([rows[token] for token in sorted(rows)])


@dataclass(frozen=True)
class Pruning:
    """What a recipe says."""

    policy: str
    # By layer the share of tokens that stays; with threshold the least attention.
    keep: dict[int, float]
    first: int = 1
    last: int = 0
    alpha: float = 1
    fuse: bool = False

    def apply(self, layer: int, tokens: Tokens, weights: np.ndarray, keys: np.ndarray) -> Tokens:
        """What is left behind attention layer `layer`. `weights`: softmax [heads,
        rows, rows]; `keys`: [rows, heads, channels]."""
        if layer not in self.keep:
            return tokens
        rows = len(tokens.states)
        others = range(self.first, max(rows - self.last, self.first))
        attended = weights[:, 0].mean(0)
        if self.policy == "threshold":
            return self.drop(tokens, {row for row in others if attended[row] < self.keep[layer]})
        count = ceil(self.keep[layer] * len(others))
        if self.policy == "evit":
            leaving = self.best(attended, others, count)
            if self.fuse and leaving:
                return self.fused(tokens, leaving, attended)
            return self.drop(tokens, leaving)
        mean = keys.astype(np.float64).mean(1)
        units = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
        into = {}
        scores = np.full(rows, np.inf)
        odd = [row for row in others if row % 2]
        for row in others:
            if row % 2 == 0 and odd:
                products = units[odd] @ units[row]
                into[row] = odd[int(products.argmax())]
                scores[row] = -products.max()
        if self.policy == "turbo":
            scores += self.alpha * attended
        return self.merge(tokens, self.best(scores, others, count), into)

    def counts(self, tokens: Tokens) -> np.ndarray:
        """How many tokens each row counts as: as many as were merged in it. A fused
        one is as any other."""
        return np.ones(len(tokens.states)) if self.fuse else tokens.sizes

    @staticmethod
    def best(scores: np.ndarray, others: range, count: int) -> set[int]:
        """Of `others`, those that do not stay."""
        order = sorted(others, key=lambda row: (-scores[row], row))
        return set(order[count:])

    @staticmethod
    def drop(tokens: Tokens, leaving: set[int]) -> Tokens:
        left = dict(tokens.left)
        for row in leaving:
            left |= dict.fromkeys(tokens.members[row], tokens.states[row])
        stay = [row for row in range(len(tokens.states)) if row not in leaving]
        return Tokens(tokens.states[stay], [tokens.members[row] for row in stay], left)

    @staticmethod
    def fused(tokens: Tokens, leaving: set[int], attended: np.ndarray) -> Tokens:
        """One token more in the place of the best that leaves: their sum, weighted
        by attention."""
        best = min(leaving, key=lambda row: (-attended[row], row))
        rows = sorted(leaving)
        states = tokens.states.copy()
        states[best] = attended[rows] @ tokens.states[rows].astype(np.float64)
        members = [list(row) for row in tokens.members]
        for row in rows:
            if row != best:
                members[best] += members[row]
        stay = [row for row in range(len(members)) if row == best or row not in leaving]
        return Tokens(states[stay], [members[row] for row in stay], dict(tokens.left))

    @staticmethod
    def merge(tokens: Tokens, leaving: set[int], into: dict[int, int]) -> Tokens:
        sums = tokens.states.astype(np.float64) * tokens.sizes[:, None]
        members = [list(row) for row in tokens.members]
        for row in sorted(leaving):
            sums[into[row]] += sums[row]
            members[into[row]] += members[row]
        stay = [row for row in range(len(members)) if row not in leaving]
        sizes = np.array([len(members[row]) for row in stay])
        states = (sums[stay] / sizes[:, None]).astype(np.float32)
        return Tokens(states, [members[row] for row in stay], dict(tokens.left))


class PrunedTextEncoder(TextEncoder):
    """A TextEncoder with a pruning."""

    def __init__(self, directory: Path, pruning: Pruning) -> None:
        super().__init__(directory)
        self.pruning = pruning

    def run(self, ids: list[int]) -> Tokens:
        """What is left of a text behind the last layer."""
        tokens = Tokens.all(self.embed(ids))
        bias = self.bias(len(ids))
        for layer in range(self.config["num_hidden_layers"]):
            prefix = f"encoder.layer.{layer}."
            x, width = tokens.states, tokens.states.shape[1]
            split = (len(x), self.heads, width // self.heads)
            q, k, v = (
                self.linear(x, prefix + self.names[part]).reshape(split).astype(np.float64)
                for part in "qkv"
            )
            places = np.array(tokens.places)
            pairs = bias if isinstance(bias, float) else bias[:, places[:, None], places[None]]
            scores = np.einsum("ihc,jhc->hij", q, k) / sqrt(split[2]) + pairs
            weights = softmax(scores, self.pruning.counts(tokens))
            joined = np.einsum("hij,jhc->ihc", weights, v).reshape(len(x), width)
            branch = self.linear(joined.astype(np.float32), prefix + self.names["o"])
            states = self.norm(x + branch, prefix + self.names["norm"])
            tokens = Tokens(states, tokens.members, tokens.left)
            tokens = self.pruning.apply(layer, tokens, weights, k)
            x = tokens.states
            inner = self.activation(self.linear(x, prefix + "intermediate.dense"))
            outer = self.linear(inner, prefix + "output.dense")
            states = self.norm(x + outer, prefix + "output.LayerNorm")
            tokens = Tokens(states, tokens.members, tokens.left)
        return tokens

    def hidden(self, ids: list[int]) -> np.ndarray:
        return self.run(ids).restored()

    def embedding(self, ids: list[int]) -> np.ndarray:
        """The mean of what is left, weighted by the tokens in a row."""
        tokens = self.run(ids)
        weights = self.pruning.counts(tokens)
        mean = (weights[:, None] * tokens.states).sum(0) / weights.sum()
        return (mean / np.linalg.norm(mean)).astype(np.float32)


class PrunedImageEncoder:
    """A ViTModel, or a ViTForImageClassification, with a pruning. In the layers of
    `windows`, a patch sees so many on the side of the square around it."""

    def __init__(
        self, directory: Path, pruning: Pruning, windows: dict[int, int] | None = None
    ) -> None:
        self.config = json.loads((directory / "config.json").read_text())
        self.windows = windows or {}
        stored = read_safetensors(directory / "model.safetensors")
        self.tensors = {name.removeprefix("vit."): value for name, value in stored.items()}
        self.pruning = pruning

    def linear(self, x: np.ndarray, name: str) -> np.ndarray:
        weight, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        weight = weight.reshape(len(weight), -1)
        return (x.astype(np.float64) @ weight.T.astype(np.float64) + bias).astype(np.float32)

    def norm(self, x: np.ndarray, name: str) -> np.ndarray:
        weight, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        return layer_norm(x, weight, bias, self.config["layer_norm_eps"])

    def embed(self, image: np.ndarray) -> np.ndarray:
        size = self.config["patch_size"]
        channels, height, width = image.shape
        cut = image.reshape(channels, height // size, size, width // size, size)
        patches = cut.transpose(1, 3, 0, 2, 4).reshape(-1, channels * size * size)
        x = self.linear(patches, "embeddings.patch_embeddings.projection")
        x = np.concatenate([self.tensors["embeddings.cls_token"][0], x])
        return x + self.tensors["embeddings.position_embeddings"][0]

    def is_seen(self, tokens: Tokens, window: int) -> np.ndarray:
        """Which token [rows] sees which [columns]."""
        columns = self.config["image_size"][1] // self.config["patch_size"]
        places = np.array(tokens.places)
        row, column = divmod(places - 1, columns)
        near = [abs(of[:, None] - of[None, :]) <= (window - 1) // 2 for of in (row, column)]
        is_class = places == 0
        return (near[0] & near[1]) | is_class[:, None] | is_class[None, :]

    def result(self, image: np.ndarray) -> np.ndarray:
        """Logits [1, classes], or the hidden states [tokens, width]."""
        tokens = Tokens.all(self.embed(image))
        heads = self.config["num_attention_heads"]
        for layer in range(self.config["num_hidden_layers"]):
            prefix = f"encoder.layer.{layer}."
            x, width = tokens.states, tokens.states.shape[1]
            split = (len(x), heads, width // heads)
            u = self.norm(x, prefix + "layernorm_before")
            q, k, v = (
                self.linear(u, prefix + f"attention.attention.{part}")
                .reshape(split)
                .astype(np.float64)
                for part in ("query", "key", "value")
            )
            scores = np.einsum("ihc,jhc->hij", q, k) / sqrt(split[2])
            if layer in self.windows:
                scores = np.where(self.is_seen(tokens, self.windows[layer]), scores, -np.inf)
            weights = softmax(scores, self.pruning.counts(tokens))
            joined = np.einsum("hij,jhc->ihc", weights, v).reshape(len(x), width)
            x = x + self.linear(joined.astype(np.float32), prefix + "attention.output.dense")
            tokens = Tokens(x, tokens.members, tokens.left)
            tokens = self.pruning.apply(layer, tokens, weights, k)
            x = tokens.states
            u = self.norm(x, prefix + "layernorm_after")
            inner = gelu(self.linear(u, prefix + "intermediate.dense"))
            x = x + self.linear(inner, prefix + "output.dense")
            tokens = Tokens(x, tokens.members, tokens.left)
        if "classifier.weight" in self.tensors:
            return self.linear(self.norm(tokens.states[:1], "layernorm"), "classifier")
        return self.norm(tokens.restored(), "layernorm")


def softmax(scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Over keys that count so many times."""
    scores = scores + np.log(counts)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)
