"""Ops of random programs that choose tokens, and what NumPy makes of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from program_ir import Bounds, Decoded, Op, Read, Value, write_float
from program_ops import U, exact, wide

ROUNDINGS = {"up": math.ceil, "down": math.floor, "even": round}
# Results of overflowing sums may be infinite.
NEAR_INFINITY = 1e37


@dataclass(frozen=True)
class Policy:
    """How many of a segment's tokens stay, and which always do."""

    keep: float
    rounding: str
    first: int
    last: int
    # In place of keep: the least score that stays.
    least: float | None = None

    @property
    def text(self) -> str:
        """The attribute."""
        budget = f"keep = {write_float(self.keep)} : f64, rounding = {self.rounding}"
        if self.least is not None:
            budget = f"least = {write_float(self.least)} : f32"
        return f"#winnow.token_policy<{budget}, first = {self.first}, last = {self.last}>"

    @property
    def leaves_some(self) -> bool:
        """Whether something is kept of any token."""
        return self.least is None and (self.first + self.last > 0 or self.rounding == "up")

    def count(self, tokens: int) -> int:
        """How many of a segment stay, by a share."""
        always = min(tokens, self.first + self.last)
        return always + ROUNDINGS[self.rounding](self.keep * (tokens - always))


def make_score(
    scale: float,
    query: Value,
    key: Value,
    lse: Value | None,
    segments: Value | None,
    output: Value,
) -> Op:
    """How much the first token of each segment looks at each of its tokens."""
    given = (query, key) + ((lse,) if lse else ())

    def write(read: Read) -> list[str]:
        of = f" of {read(segments)} : {segments.type.text}," if segments else ""
        return [
            f"%{output.name} = winnow.token_score {', '.join(map(read, given))}{of}"
            f" {{scale = {write_float(scale)} : f32}} :"
            f" {', '.join(value.type.text for value in given)} -> {output.type.text}"
        ]

    def groups(inputs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """The first row of each row's segment, and the number of the segment."""
        segment = inputs[-1] if segments else np.zeros(len(inputs[0]), np.int32)
        _, first, numbers = np.unique(segment, return_index=True, return_inverse=True)
        return first[numbers.reshape(-1)], numbers.reshape(-1)

    def products(inputs: list[np.ndarray], magnitude: bool = False) -> np.ndarray:
        """By row and head the product of the first row's query and the row's key."""
        as_f64 = wide if magnitude else (lambda array: array.astype(np.float64))
        own, _ = groups(inputs)
        keys = np.repeat(inputs[1], inputs[0].shape[1] // inputs[1].shape[1], axis=1)
        return scale * np.einsum("thc,thc->th", as_f64(inputs[0][own]), as_f64(keys))

    def totals(inputs: list[np.ndarray]) -> np.ndarray:
        """By row and head the logarithm of the sum."""
        own, numbers = groups(inputs)
        if lse:
            return inputs[2].astype(np.float64)[own]
        scores = products(inputs)
        result = np.full_like(scores, -np.inf)
        for number in set(numbers.tolist()):
            rows = numbers == number
            result[rows] = np.logaddexp.reduce(scores[rows], axis=0)
        return result

    def weights(inputs: list[np.ndarray]) -> np.ndarray:
        total = totals(inputs)
        seen = total > -np.inf
        exponents = products(inputs) - np.where(seen, total, 0)
        return np.where(seen, np.exp(exponents), 0)

    def oracle(inputs: list[np.ndarray]) -> list[np.ndarray]:
        return [weights(inputs).mean(1)]

    def bound(inputs: list[np.ndarray], _: list[np.ndarray], __: Decoded) -> Bounds:
        heads, width = inputs[0].shape[1:]
        total = totals(inputs)
        size = products(inputs, magnitude=True)
        off = (width + 8) * U * (size + np.where(total > -np.inf, np.abs(total), 0))
        if not lse:
            # The logarithm is off by what the scores are, and the sum.
            _, numbers = groups(inputs)
            for number in set(numbers.tolist()):
                rows = numbers == number
                largest = (width + 8) * U * size[rows].max(0, initial=0)
                off[rows] += largest + 16 * U * (rows.sum() + 1)
        # What the exponent is off by, the exponential itself, and the mean.
        terms = weights(inputs)
        off = (terms * (np.expm1(off) + 8 * U)).mean(1)
        off += (heads + 2) * U * terms.mean(1) + 2.0**-126
        return [np.where(terms.mean(1) < NEAR_INFINITY, off, np.inf)]

    inputs = given + ((segments,) if segments else ())
    variant = ("lse" if lse else "alone") + ("+segments" if segments else "")
    return Op("token_score", variant, "-", inputs, (output,), write, bound, oracle=oracle)


def _order(scores: np.ndarray) -> np.ndarray:
    """Integers that rise as IEEE 754 orders all numbers."""
    size = np.abs(scores).view(np.int32).astype(np.int64)
    return np.where(np.signbit(scores), -1 - size, size)


def make_change(kind: str, before: Value, after: Value, output: Value) -> Op:
    """How much each row has changed."""

    def write(read: Read) -> list[str]:
        return [
            f"%{output.name} = winnow.token_change {kind} {read(before)}, {read(after)}"
            f" : {before.type.text} -> {output.type.text}"
        ]

    def sums(inputs: list[np.ndarray]) -> tuple[np.ndarray, ...]:
        x, y = (array.astype(np.float64) for array in inputs)
        return (x * x).sum(1), (y * y).sum(1), (x * y).sum(1), ((y - x) ** 2).sum(1)

    def oracle(inputs: list[np.ndarray]) -> list[np.ndarray]:
        xx, yy, xy, dd = sums(inputs)
        zeros = (xx == 0).astype(int) + (yy == 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            if kind == "norm":
                return [np.where(zeros == 2, 0, np.sqrt(dd) / np.sqrt(xx))]
            cosine = xy / (np.sqrt(xx) * np.sqrt(yy))
        return [np.select([zeros == 2, zeros == 1], [0, 1], 1 - cosine)]

    def bound(inputs: list[np.ndarray], _: list[np.ndarray], __: Decoded) -> Bounds:
        xx, yy, _, dd = sums(inputs)
        off = (inputs[0].shape[1] + 12) * U
        size = 4 if kind == "cosine" else oracle(inputs)[0]
        # Squares that have no bits in f32, or overflow.
        fits = np.ones(len(xx), bool)
        for square in (xx, yy, dd):
            fits &= (square == 0) | ((square > 1e-30) & (square < NEAR_INFINITY))
        return [np.where(fits, off * size, np.inf)]

    inputs = (before, after)
    return Op("token_change", kind, "-", inputs, (output,), write, bound, oracle=oracle)


def make_select(policy: Policy, scores: Value, segments: Value | None, kept: Value) -> Op:
    """The indices of the tokens that stay."""

    def write(read: Read) -> list[str]:
        of = f" of {read(segments)} : {segments.type.text}," if segments else ""
        return [
            f"%{kept.name} = winnow.token_select {read(scores)}{of} {{policy = {policy.text}}}"
            f" : {scores.type.text} -> {kept.type.text}"
        ]

    def oracle(inputs: list[np.ndarray]) -> list[np.ndarray]:
        order = _order(inputs[0])
        groups = inputs[1] if segments else np.zeros(len(order), np.int32)
        stays: set[int] = set()
        for segment in set(groups.tolist()):
            rows = np.flatnonzero(groups == segment).tolist()
            protected = rows[: policy.first]
            if policy.last:
                protected += rows[max(len(rows) - policy.last, len(protected)) :]
            others = sorted(set(rows) - set(protected), key=lambda row: (-order[row], row))
            if policy.least is None:
                stays.update((protected + others)[: policy.count(len(rows))])
            else:
                below = inputs[0] < np.float32(policy.least)
                stays.update(protected, [row for row in others if not below[row]])
        return [np.array(sorted(stays), np.int32)]

    inputs = (scores, segments) if segments else (scores,)
    variant = policy.rounding if policy.least is None else "least"
    variant += "+segments" if segments else ""
    return Op("token_select", variant, "-", inputs, (kept,), write, exact, oracle=oracle)
