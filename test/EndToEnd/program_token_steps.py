"""Steps of random programs that go on with some of the tokens.

How many these are is known when the program runs, so such rows are joined with
the others again, or lead to rows that a caller counts, before the program ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

import program_pruning as ops
import program_tokens as tokens
from program_attention import AttentionSettings
from program_choices import SHARE
from program_ir import Dims, Op, TensorType, Value
from program_taps import TOKENS, tap_arguments

if TYPE_CHECKING:
    from program_generator import Builder


def prunes(seed: int) -> bool:
    """Whether the program of a seed has these steps."""
    return seed % SHARE == 3


@dataclass
class Pruning:
    """What a builder knows of the tokens."""

    # The last attention whose scores can be computed: query, key, lse, segments.
    scored: tuple[Value, Value, Value, Value | None] | None = None
    scale: float = 1
    # Positions and segments by the dimension of their tokens.
    positions: dict[str, Value] = field(default_factory=dict)
    segments: dict[str, Value] = field(default_factory=dict)
    # How many rows there are of a number of tokens, where that says enough and
    # there is one of any token.
    counts: dict[str, Callable[[int], int]] = field(default_factory=dict)

    def remember(self, op: Op, settings: AttentionSettings) -> None:
        """Notes an attention with lse."""
        segments = settings.segments[0] if settings.segments else None
        self.scored = (op.inputs[0], op.inputs[1], op.outputs[1], segments)
        self.scale = settings.scale


def positions_of(builder: Builder, rows: str) -> Value:
    """The positions of all tokens, or of the chosen ones."""
    if rows == "T":
        return builder.positions()
    known = builder.pruning.positions
    if rows not in known:
        known[rows] = _of_chosen(builder, builder.positions(), rows)
    return known[rows]


def segments_of(builder: Builder, rows: str) -> Value:
    """The segments of all tokens, or of the chosen ones."""
    if rows == "T":
        return builder.segments()
    known = builder.pruning.segments
    if rows not in known:
        known[rows] = _of_chosen(builder, builder.segments(), rows)
    return known[rows]


def _of_chosen(builder: Builder, source: Value, rows: str) -> Value:
    """What the chosen tokens have of a vector."""
    output = builder.value((rows,), source.type.element)
    return builder.add(tokens.make_gather(source, builder.program.origins[rows], output))


def add_steps(builder: Builder, current: Value) -> Value:
    """Chooses tokens once or twice, and computes with them."""
    program = builder.program
    for probability in (0.9, 0.4):
        if not builder.chance(probability):
            break
        with builder.choices.span():
            current = _prune(builder, current)
            for _ in range(2):
                if builder.chance(0.6):
                    current = _step(builder, current)
    if not program.origins:
        return current
    program.arguments += tap_arguments()
    return builder.choose((_restore, _pool, _gather))(builder, current)


def _prune(builder: Builder, current: Value) -> Value:
    """The rows of chosen tokens."""
    program, pruning, rows = builder.program, builder.pruning, current.type.shape[0]
    segments = segments_of(builder, rows) if builder.chance(0.5) else None
    policy = ops.Policy(
        keep=builder.choose((0.5, 0.7, 0.1, 1.0)),
        rounding=builder.choose(("up", "even", "down")),
        first=builder.choose((0, 1, 2)),
        last=builder.choose((0, 0, 3)),
        least=builder.choose((None, None, 0.0, 0.25)),
    )
    dim = f"K{len(program.origins)}"
    kept = builder.value((dim,), "i32")
    builder.add(ops.make_select(policy, _scores(builder, current), segments, kept))
    origin = kept
    if rows != "T":
        origin = builder.value((dim,), "i32")
        builder.add(tokens.make_gather(program.origins[rows], kept, origin))
    program.origins[dim] = origin
    before = (lambda count: count) if rows == "T" else pruning.counts.get(rows)
    if before and policy.leaves_some and not segments:
        pruning.counts[dim] = lambda count: policy.count(before(count))
    output = builder.value((dim, *current.type.shape[1:]))
    return builder.add(tokens.make_gather(current, kept, output))


def _scores(builder: Builder, current: Value) -> Value:
    """Scores of attention, what rows have changed by, or any."""
    scored, rows = builder.pruning.scored, current.type.shape[0]
    if len(current.type.shape) == 2 and builder.chance(0.3):
        kind, output = builder.choose(("cosine", "norm")), builder.value((rows,))
        return builder.add(ops.make_change(kind, builder.earlier(current), current, output))
    if rows == "T" and scored and builder.chance(0.8):
        query, key, lse, segments = scored
        given = None if builder.chance(0.3) else lse
        output = builder.value(("T",))
        score = ops.make_score(builder.pruning.scale, query, key, given, segments, output)
        return builder.add(score)
    kind = TensorType(("T",))
    ties, special = builder.chance(0.3), builder.chance(0.3)

    def make(rng: np.random.Generator, dims: Dims, _: int) -> np.ndarray:
        numbers = rng.standard_normal(dims["T"], dtype=np.float32)
        if ties:
            numbers = np.round(numbers)
        if special:
            some = np.array([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0], np.float32)
            numbers = np.where(rng.random(dims["T"]) < 0.4, rng.choice(some, dims["T"]), numbers)
        return numbers

    scores = builder.argument("any_scores", kind, make)
    return scores if rows == "T" else _of_chosen(builder, scores, rows)


def _step(builder: Builder, current: Value) -> Value:
    """One more op or layer on the rows of chosen tokens."""
    fits = any(not shape.cached and not shape.needs_pairs for shape in builder.palette.attentions)
    attention = ("attention",) if fits else ()
    step = builder.choose(("linear", "norm", "map", "layer", *attention))
    if step == "linear":
        return builder.linear(current, builder.width())
    if step == "attention":
        return builder.attention(current, cached=False)
    return getattr(builder, step)(current)


def _restore(builder: Builder, current: Value) -> Value:
    """A row for every token, zeros for those that are gone."""
    rows, width = current.type.shape
    origin = builder.program.origins[rows]
    op = tokens.make_pool("first", current, origin, TOKENS, None, builder.value(("T", width)))
    return builder.add(op)


def _pool(builder: Builder, current: Value) -> Value:
    """Rows of segments."""
    rows, width = current.type.shape
    segments, wanted = segments_of(builder, rows), builder.ids("wanted", "P", 4)
    kind = builder.choose(builder.palette.pool_kinds)
    op = tokens.make_pool(kind, current, segments, wanted, None, builder.value(("P", width)))
    return builder.add(op)


def _gather(builder: Builder, current: Value) -> Value:
    """Some of the rows, where it is known which there are."""
    rows, width = current.type.shape
    count = builder.pruning.counts.get(rows)
    if count is None:
        return _restore(builder, current)

    def make(rng: np.random.Generator, dims: Dims, _: int) -> np.ndarray:
        return rng.integers(0, count(dims["T"]), dims["R"]).astype(np.int32)

    ranks = builder.argument("ranks", TensorType(("R",), "i32"), make)
    return builder.add(tokens.make_gather(current, ranks, builder.value(("R", width))))
