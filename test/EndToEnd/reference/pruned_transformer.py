"""Prompts that lose tokens, in NumPy: FastV (arXiv 2403.06764), the same by a
threshold, PyramidDrop (arXiv 2410.17247), and the layer cut of arXiv 2410.06169.
Tokens that leave are not taken out but made invisible in all later layers, which is
the same for those that stay."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from reference.transformer import Array, Cache, Transformer


class PrunedTransformer(Transformer):
    """A Transformer that prunes its prompts in front of some layers."""

    make_cache: Callable[..., Cache] = Cache

    def __init__(
        self,
        path: Path | str,
        keep: dict[int, float],
        policy: str = "fastv",
        *,
        compacts: bool = False,
    ) -> None:
        """keep: by layer the share of tokens that stays; with threshold the least
        attention, with cut any number. compacts: whether later layers rotate by places
        among what stays."""
        super().__init__(path)
        self.keep = keep
        self.policy = policy
        self.compacts = compacts

    def prompt(self, ids: list[int], span: tuple[int, int]) -> tuple[Array, Cache, list[Array]]:
        """The final states of a prompt of which `span` may leave, the caches, and
        which of its tokens each layer sees. States of tokens that left mean
        nothing."""
        config = self.config
        assert not config.window
        positions = np.arange(len(ids))
        cache = self.make_cache(positions=positions, segments=np.zeros(len(ids), np.int64))
        stays = np.ones(len(ids), bool)
        prunable = (positions >= span[0]) & (positions < min(span[1], len(ids) - 1))
        places = positions
        seen: list[Array] = []
        x = before = self._embed(ids)
        for layer in range(config.layers):
            if layer in self.keep:
                stays = self.choose(layer, before, x, places, stays, prunable)
                if self.compacts:
                    places = np.maximum(np.cumsum(stays) - 1, 0)
            before = x
            seen.append(stays)
            visible = (positions[:, None] >= positions[None, :]) & stays[None, :]
            # Those that left see themselves: their rows must not be empty.
            visible |= np.eye(len(ids), dtype=bool)
            x = self._layer(layer, x, places, visible, cache)
        return self._norm("output_norm", x), cache, seen

    def choose(
        self, layer: int, before: Array, x: Array, positions: Array, stays: Array, prunable: Array
    ) -> Array:
        """Which tokens stay in front of `layer`, whose input is `x`; `before` is that
        of the block before."""
        candidates = np.flatnonzero(stays & prunable)
        kept = stays.copy()
        kept[candidates] = False
        if self.policy == "cut":
            return kept
        if self.policy == "pyramiddrop":
            scores = self.attended(layer, x, positions, stays)
        else:
            scores = self.attended(layer - 1, before, positions, stays)
        if self.policy == "threshold":
            kept[candidates] = scores[candidates] >= self.keep[layer]
            return kept
        if self.policy == "pyramiddrop":
            count = int(self.keep[layer] * prunable.sum())
        else:
            count = round(self.keep[layer] * len(candidates))
        order = sorted(candidates.tolist(), key=lambda token: (-scores[token], token))
        kept[order[:count]] = True
        return kept

    def attended(self, layer: int, x: Array, positions: Array, stays: Array) -> Array:
        """The last row of softmax in a layer with the input `x`, in the mean over
        heads."""
        q, k, _ = self._project(layer, x, positions)
        groups = q.shape[1] // k.shape[1]
        keys = np.repeat(k, groups, axis=1).astype(np.float64)
        scores = np.einsum("hc,jhc->hj", q[-1].astype(np.float64), keys)
        scores = np.where(stays, scores / np.sqrt(self.config.key_size), -np.inf)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        return (weights / weights.sum(-1, keepdims=True)).mean(0)

    def follow(self, token: int, cache: Cache, seen: list[Array]) -> Array:
        """The final state of one token more, which sees what each layer has."""
        position = np.array([len(cache.positions)])
        cache.positions = np.append(cache.positions, position)
        x = self._embed([token])
        for layer in range(self.config.layers):
            place = seen[layer].sum()[None] if self.compacts else position
            seen[layer] = np.append(seen[layer], True)
            x = self._layer(layer, x, place, seen[layer][None, :], cache)
        return self._norm("output_norm", x)

    def _embed(self, ids: list[int]) -> Array:
        x = self._embedding()[np.asarray(ids)]
        if self.config.architecture == "gemma3":
            x = x * np.float32(np.sqrt(self.config.width))
        return x

    def _layer(self, layer: int, x: Array, positions: Array, visible: Array, cache: Cache) -> Array:
        y = x + self._attention_block(layer, x, positions, visible, cache)
        return y + self._feed_forward_block(layer, x if self.config.parallel else y)
