"""Gates in NumPy: models in which tokens pass layers over. Scores by their
formulas, and every layer computed for all tokens, of which some keep what they
had."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from reference.encoder import TextEncoder
from reference.transformer import Array, Cache, Transformer


@dataclass
class Gate:
    """What a recipe says. Layers without a threshold get one of a model's first
    run, for which `share` of its tokens pass over."""

    granularity: str
    criterion: str
    layers: tuple[int, ...]
    exit: bool = False
    seed: int = 0
    share: float = 0.5
    thresholds: dict[int, float] = field(default_factory=dict)
    weights: dict[int, Array] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The line of a recipe."""
        layers = ",".join(map(str, self.layers))
        thresholds = ",".join(str(self.thresholds[layer]) for layer in self.layers)
        return (
            f"winnow-gate{{granularity={self.granularity} criterion={self.criterion}"
            f" layers={layers} threshold={thresholds} seed={self.seed}"
            f" exit={str(self.exit).lower()} router=winnow.router.*.weight}}"
        )

    def passes_over(
        self, granularity: str, layer: int, before: Array | None, now: Array, positions: Array
    ) -> Array:
        """Which tokens pass a layer over by themselves."""
        if granularity != self.granularity or layer not in self.layers:
            return np.zeros(len(now), bool)
        scores = self.scores(layer, before, now.astype(np.float64), positions)
        if layer not in self.thresholds:
            self.thresholds[layer] = split(scores, self.share)
        return scores < np.float32(self.thresholds[layer])

    def scores(self, layer: int, before: Array | None, now: Array, positions: Array) -> Array:
        """How much each token needs the layer."""
        if self.criterion == "random":
            return random_numbers(self.seed, layer, positions)
        if self.criterion == "router":
            return 1 / (1 + np.exp(-(now @ self.weights[layer][0].astype(np.float64))))
        assert before is not None
        before = before.astype(np.float64)
        lengths = np.linalg.norm(before, axis=1)
        if self.criterion == "norm":
            return np.linalg.norm(now - before, axis=1) / lengths
        return 1 - (now * before).sum(1) / (lengths * np.linalg.norm(now, axis=1))


def split(scores: Array, share: float) -> float:
    """A number far from all scores below which about `share` of them are."""
    ordered = np.sort(scores)
    middle, reach = round(share * len(ordered)), max(1, len(ordered) // 6)
    ends = range(max(1, middle - reach), min(len(ordered), middle + reach + 1))
    end = max(ends, key=lambda i: ordered[i] / max(ordered[i - 1], 1e-30))
    return float(np.float32((ordered[end - 1] + ordered[end]) / 2))


def random_numbers(seed: int, layer: int, positions: Array) -> Array:
    """In [0, 1), by the finish of MurmurHash3."""

    def mix(h: int) -> int:
        h = ((h ^ h >> 16) * 0x85EBCA6B) % 2**32
        h = ((h ^ h >> 13) * 0xC2B2AE35) % 2**32
        return h ^ h >> 16

    key = mix((mix(seed % 2**32 ^ mix(seed >> 32)) + layer) % 2**32)
    return np.array([(mix((int(p) + key) % 2**32) >> 8) / 2**24 for p in positions])


class GatedTransformer(Transformer):
    """A Transformer with gates."""

    def __init__(self, path: Path | str, gate: Gate) -> None:
        super().__init__(path)
        self.gate = gate
        # The share of rows that each gated layer left out, in order.
        self.shares: list[float] = []

    def _blocks(self, x: Array, positions: Array, masks: list[Array], cache: Cache) -> Array:
        gone = np.zeros(len(x), bool)
        front = before = None  # of the block and of the layer before
        for layer, visible in enumerate(masks):
            over = gone | self._over("block", layer, front, x, positions)
            if self.gate.exit:
                gone = over
            without = over | self._over("attention", layer, before, x, positions)
            y = x + self._attention_block(layer, x, positions, visible, cache)
            y = np.where(without[:, None], x, y)
            without = over | self._over("mlp", layer, x, y, positions)
            z = y + self._feed_forward_block(layer, x if self.config.parallel else y)
            front, before, x = x, y, np.where(without[:, None], y, z)
        return x

    def _over(self, kind: str, layer: int, before: Array | None, x: Array, at: Array) -> Array:
        over = self.gate.passes_over(kind, layer, before, x, at)
        if kind == self.gate.granularity and layer in self.gate.layers:
            self.shares.append(float(over.mean()))
        return over


class GatedTextEncoder(TextEncoder):
    """An encoder with gates in front of feed-forward layers."""

    def __init__(self, directory: Path, gate: Gate) -> None:
        super().__init__(directory)
        self.gate = gate

    def hidden(self, ids: list[int]) -> Array:
        x, positions = self.embed(ids), np.arange(len(ids))
        bias = self.bias(len(ids))
        for layer in range(self.config["num_hidden_layers"]):
            prefix = f"encoder.layer.{layer}."
            y = self.norm(x + self.attention(x, prefix, bias), prefix + self.names["norm"])
            over = self.gate.passes_over("mlp", layer, x, y, positions)
            inner = self.activation(self.linear(y, prefix + "intermediate.dense"))
            z = y + self.linear(inner, prefix + "output.dense")
            z = self.norm(z, prefix + "output.LayerNorm")
            x = np.where(over[:, None], y, z)
        return x
