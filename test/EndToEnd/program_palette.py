"""What the programs of neighbouring seeds choose from.

Most of the time of a random program is compiling its kernels, and a kernel is
made for one width, format or attention. So programs of neighbouring seeds share
a palette of these and combine them in their own ways. Palettes go through all
formats, masks and functions in turn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np

import program_ops as ops
from program_choices import Choices

# Consecutive seeds that share a palette.
SEEDS = 400

CACHED_MASKS = ("full", "causal", "sliding_window", "prefix", "grid", "causal")
PLAIN_MASKS = ("full", "causal", "sliding_window", "prefix", "tree", "grid", "explicit")
FUNCTIONS = tuple(ops.SCALAR_FUNCTIONS)
ACTIVATION_PAIRS = tuple(
    (encoding, activations)
    for encoding, activations in product(ops.FORMATS, ("f32", "a8_b32", "bf16"))
    if activations in ("f32", ops.ACTIVATIONS.get(encoding))
)
BLOCKED_PAIRS = tuple(pair for pair in ACTIVATION_PAIRS if pair[0] not in ops.FLOAT_FORMATS)
FLOAT_PAIRS = tuple(pair for pair in ACTIVATION_PAIRS if pair[0] in ops.FLOAT_FORMATS)


@dataclass(frozen=True)
class AttentionShape:
    """All that is known of an attention when it is compiled."""

    cached: bool
    key_heads: int
    group: int
    key_dim: int
    value_dim: int
    mask: str
    mask_text: str
    scale: float
    softcap: float
    sinks: bool
    segments: bool
    # Rank of the bias; 0: none.
    bias: int
    # Least distances of the buckets of a relative bias; none: no such bias.
    distances: tuple[int, ...]
    # How many of output, lse and scores.
    results: int
    # Slots of a cache, and how many it keeps of earlier calls; None: all.
    capacity: int
    kept: int | None
    # How a cache stores keys and values.
    formats: tuple[str, str] = ("f32", "f32")

    @property
    def counts(self) -> bool:
        """Whether positions are counted in the cache: a part of all shapes."""
        return self.cached and self.capacity == 32 and self.results == 2

    @property
    def needs_pairs(self) -> bool:
        """Whether an operand has a number for each query and key."""
        return self.bias > 0 or self.mask in ("explicit", "tree")

    @property
    def heads(self) -> int:
        """Heads of the query."""
        return self.key_heads * self.group


@dataclass(frozen=True)
class LinearShape:
    """A linear layer apart from its sizes."""

    encoding: str
    activations: str
    bias: str | None


@dataclass(frozen=True)
class NormShape:
    """A norm apart from its width; encodings of the weight and the bias."""

    kind: str
    epsilon: float
    weight: str | None
    offset: float
    bias: str | None


@dataclass(frozen=True)
class RopeShape:
    """A rope apart from its width: which share of the channels turns."""

    share: float
    base: float
    layout: str
    scaling: str
    scaling_text: str
    factors: bool


@dataclass(frozen=True)
class ImageShape:
    """An image [channels, height, width] and the side of its patches."""

    channels: int
    height: int
    width: int
    side: int

    @property
    def patches(self) -> tuple[int, int]:
        """Shape of the rows of patches."""
        rows = (self.height // self.side) * (self.width // self.side)
        return rows, self.channels * self.side * self.side


@dataclass(frozen=True)
class Palette:
    """What there is to choose from."""

    widths: tuple[int, ...]
    linears: tuple[LinearShape, ...]
    norms: tuple[NormShape, ...]
    functions: tuple[str, ...]
    ropes: tuple[RopeShape, ...]
    attentions: tuple[AttentionShape, ...]
    image: ImageShape
    pool_kinds: tuple[str, ...]
    tables: tuple[str, ...]
    embed_scale: float


def palette_choices(seed: int) -> Choices:
    """The choices of the palette of a program's seed."""
    return Choices(np.random.default_rng([seed // SEEDS, 2]))


def make_palette(number: int, choices: Choices) -> Palette:
    """The palette of seeds from `number` * SEEDS on."""

    def turn(options, count):
        """`count` of the options, the next ones of the turn."""
        return [options[(number * count + i) % len(options)] for i in range(count)]

    masks = [(mask, True) for mask in turn(CACHED_MASKS, 3)]
    masks += [(mask, False) for mask in turn(PLAIN_MASKS, 4)]
    linears = turn(FLOAT_PAIRS, 2) + turn(BLOCKED_PAIRS, 8)
    palette = Palette(
        widths=(
            choices.choose((1, 3, 5, 17, 20, 33, 48, 60)),
            choices.choose((32, 64, 96, 128, 160, 384)),
            choices.choose((256, 512)),
        ),
        linears=tuple(_make_linear(choices, *pair) for pair in linears),
        norms=tuple(_make_norm(choices) for _ in range(2)),
        functions=tuple(turn(FUNCTIONS, 3)),
        ropes=tuple(_make_rope(choices) for _ in range(2)),
        attentions=tuple(_make_attention(choices, mask, cached) for mask, cached in masks),
        image=_make_image(choices),
        pool_kinds=tuple(turn(("mean", "max", "first", "last"), 2)),
        # One for every width.
        tables=(linears[0][0], turn(BLOCKED_PAIRS, 4)[0][0]),
        embed_scale=choices.choose((1.0, 16.0)),
    )
    return replace(
        palette, attentions=tuple(_choose_formats(choices, shape) for shape in palette.attentions)
    )


def _choose_formats(choices: Choices, shape: AttentionShape) -> AttentionShape:
    """The attention with formats for its cache, if it has one."""
    if not shape.cached:
        return shape
    key, value = (choices.choose(("f32", "bf16", "i8", "i8")) for _ in range(2))
    return replace(shape, formats=(key, value))


def _choose_vector(choices: Choices) -> str:
    """The encoding of a param that is used as a plain vector."""
    return choices.choose(("f32", "f32", "f32", "bf16", "f16"))


def _make_linear(choices: Choices, encoding: str, activations: str) -> LinearShape:
    bias = _choose_vector(choices) if choices.chance(0.3) else None
    return LinearShape(encoding, activations, bias)


def _make_norm(choices: Choices) -> NormShape:
    weight = _choose_vector(choices) if choices.chance(0.8) else None
    return NormShape(
        kind=choices.choose(("rms", "rms", "layer", "l2")),
        epsilon=choices.choose((1e-6, 1e-5, 0.25)),
        weight=weight,
        offset=1.0 if choices.chance(0.7) and weight else 0.0,
        bias=_choose_vector(choices) if choices.chance(0.3) else None,
    )


def _make_rope(choices: Choices) -> RopeShape:
    scaling, text = choices.choose(
        (
            ("none", ""),
            ("linear", "<linear, factor = 4.0 : f64>"),
            (
                "llama3",
                "<llama3, factor = 8.0 : f64, low = 1.0 : f64, high = 4.0 : f64,"
                " originalContext = 1024>",
            ),
            ("yarn", "<yarn, factor = 4.0 : f64, originalContext = 512>"),
            ("longrope", "<longrope, attentionFactor = 1.25 : f64>"),
        )
    )
    return RopeShape(
        share=choices.choose((1.0, 0.75, 0.5, 0.0)),
        base=choices.choose((10000.0, 1000000.0)),
        layout=choices.choose(("half", "interleaved")),
        scaling=scaling,
        scaling_text=f", scaling = #winnow.rope_scaling{text}" if text else "",
        factors=choices.chance(0.3) or scaling == "longrope",
    )


def _make_image(choices: Choices) -> ImageShape:
    side = choices.choose((2, 3, 4))
    height, width = side * choices.between(1, 5), side * choices.between(1, 4)
    return ImageShape(choices.choose((1, 3)), height, width, side)


def _make_attention(choices: Choices, mask: str, cached: bool) -> AttentionShape:
    """A random attention with this mask."""
    key_dim = choices.choose((4, 8, 16, 20, 28, 32))
    text = mask
    if mask == "sliding_window":
        text += f", window = {choices.between(1, 24)}"
        text += choices.choose(("", ", sinks = 1", ", sinks = 4"))
    elif mask == "prefix":
        text += f", prefix = {choices.between(1, 12)}"
    elif mask == "grid":
        sinks = choices.choose(("", ", sinks = 1", ", sinks = 3"))
        text += f", window = {choices.between(1, 2)}{sinks}, width = {choices.between(2, 6)}"
    return AttentionShape(
        cached=cached,
        key_heads=choices.choose((1, 2, 3)),
        group=choices.choose((1, 2, 3, 4)),
        key_dim=key_dim,
        value_dim=choices.choose((key_dim, key_dim, 5, 12, 24)),
        mask=mask,
        mask_text=text,
        scale=float(np.float32(choices.between(1, 9) / 10)),
        softcap=choices.choose((0.0, 0.0, 2.0, 30.0)),
        sinks=choices.chance(0.33),
        segments=cached or choices.chance(0.33),
        bias=0 if cached else choices.choose((0, 0, 0, 2, 3)),
        distances=choices.choose(((), (), (), (2,), (1, 3, 8))),
        # The scores of a cache would have a row for each of its slots.
        results=choices.choose((1, 2) if cached else (1, 2, 3)),
        capacity=choices.choose((32, 160)),
        kept=choices.choose((None, None, 0, 5)) if cached else None,
    )
