"""Random programs from choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

import program_attention as attention
import program_ops as ops
import program_token_steps as token_steps
import program_tokens as tokens
from program_attention import AttentionSettings, RopeSettings
from program_choices import Choices
from program_ir import Argument, Dims, Op, Param, TensorType, Value, make_numbers
from program_palette import (
    SEEDS,
    AttentionShape,
    NormShape,
    RopeShape,
    make_palette,
    palette_choices,
)
from program_text import Program
from program_weights import Change, changes_weights, choose_rotation, choose_take

IDS = TensorType(("T",), "i32")
# Rows of a call.
REGIMES = {"none": (0, 0), "one": (1, 1), "few": (2, 16), "many": (17, 70)}
# Of the calls of a program.
ORDERS = (
    ("one",),
    ("few",),
    ("many",),
    ("few", "one", "many"),
    ("many", "one"),
    ("one", "few"),
    ("one", "many"),
    ("none", "few"),
)
VOCABULARY = 24
LARGEST_POSITION = 4000


def regime_of(rows: int) -> str:
    """The regime that a number of rows belongs to."""
    for name, (_, last) in REGIMES.items():
        if rows <= last:
            return name
    return "many"


class Builder:
    """Builds one program from its choices and those of its palette."""

    def __init__(self, name: str, seed: int, choices: Choices, palette: Choices) -> None:
        self.choices = choices
        self.palette = make_palette(seed // SEEDS, palette)
        self.program = Program(name, seed)
        self.values = 0
        self.params = 0
        self.layers = 0
        self.pruning = token_steps.Pruning()
        self.chance = choices.chance
        self.choose = choices.choose
        self.between = choices.between

    # Values, arguments, params

    def value(self, shape: tuple[int | str, ...], element: str = "f32") -> Value:
        """A new intermediate value."""
        self.values += 1
        return Value(f"v{self.values}", TensorType(shape, element))

    def argument(self, name: str, kind: TensorType, make) -> Value:
        """The argument of this name and type; made once."""
        known = [argument.value for argument in self.program.arguments]
        for value in known:
            if value.name.split("_of_")[0] == name and value.type == kind:
                return value
        if any(value.name == name for value in known):
            name = f"{name}_of_{len(known)}"
        value = Value(name, kind)
        self.program.arguments.append(Argument(value, make))
        return value

    def numbers(self, name: str, shape: tuple[int | str, ...], scale: float = 1) -> Value:
        """An argument of random numbers."""
        kind = TensorType(shape)
        return self.argument(name, kind, make_numbers(kind, scale))

    def positions(self) -> Value:
        """Positions of the tokens: consecutive, or any."""
        consecutive = self.chance(0.7)

        def make(rng: np.random.Generator, dims: Dims, past: int) -> np.ndarray:
            if consecutive:
                return np.arange(past, past + dims["T"], dtype=np.int32)
            return rng.integers(0, LARGEST_POSITION, dims["T"]).astype(np.int32)

        return self.argument("positions", IDS, make)

    def segments(self, name: str = "segments", rows: str = "T") -> Value:
        """Segments of the tokens: in order, or any."""
        ordered = self.chance(0.5)

        def make(rng: np.random.Generator, dims: Dims, _: int) -> np.ndarray:
            found = rng.integers(0, 3, dims[rows]).astype(np.int32)
            return np.sort(found) if ordered else found

        return self.argument(name, TensorType((rows,), "i32"), make)

    def ids(self, name: str, rows: str, count: int) -> Value:
        """An argument of numbers below `count`."""

        def make(rng: np.random.Generator, dims: Dims, _: int) -> np.ndarray:
            return rng.integers(0, count, dims[rows]).astype(np.int32)

        return self.argument(name, TensorType((rows,), "i32"), make)

    def param(self, shape: tuple[int, ...], encoding: str) -> Param:
        """A random param."""
        name = f"{self.program.name}_w{self.params}"
        self.params += 1
        seed = self.program.seed * 1000 + self.params
        return Param(name, shape, encoding, f"random = {seed} : i64")

    def vector(self, size: int, encoding: str | None) -> Param | None:
        """A param that is used as a plain vector."""
        return self.param((size,), encoding) if encoding else None

    def add(self, op: Op, layer: int | None = None) -> Value:
        """Appends an op and returns its first result."""
        if layer is not None and op.layer is None:
            op = replace(op, layer=layer)
        self.program.ops.append(op)
        return op.outputs[0]

    # Ops on rows

    def width(self) -> int:
        """A random number of channels."""
        return self.choose(self.palette.widths)

    def linear(self, source: Value, outer: int, layer: int | None = None) -> Value:
        """A linear layer in a format that fits the width."""
        rows, inner = source.type.shape
        fitting = [s for s in self.palette.linears if inner % ops.FORMATS[s.encoding] == 0]
        blocked = [shape for shape in fitting if shape.encoding not in ops.FLOAT_FORMATS]
        plain = [shape for shape in fitting if shape not in blocked]
        shape = self.choose(blocked if self.chance(0.8) and blocked else plain)
        changes, size = self.changes((outer, inner), shape.encoding)
        weight = self.param(size, shape.encoding)
        bias = self.vector(outer, shape.bias)
        output = self.value((rows, outer))
        op = ops.make_linear(weight, bias, shape.activations, source, output, changes)
        return self.add(op, layer)

    def changes(
        self, left: tuple[int, int], encoding: str
    ) -> tuple[tuple[Change, ...], tuple[int, int]]:
        """Changes that make a matrix of this size, and the size that they start with."""
        changes: list[Change] = []
        size = list(left)
        for axis, block in ((1, ops.FORMATS[encoding]), (0, 1)):
            if changes_weights(self.program.seed) and self.chance(0.4):
                take, size[axis] = choose_take(self.choices, left[axis], axis, block)
                changes.append(take)
        for axis in (0, 1):
            # Encoded numbers would have to be decoded first.
            if changes_weights(self.program.seed) and encoding == "f32" and self.chance(0.4):
                changes.append(choose_rotation(self.choices, left[axis], axis))
        return tuple(changes), (size[0], size[1])

    def norm(
        self, source: Value, layer: int | None = None, shape: NormShape | None = None
    ) -> Value:
        """A norm of rows or of heads."""
        shape = shape or self.choose(self.palette.norms)
        width = source.type.shape[-1]
        weight, bias = self.vector(width, shape.weight), self.vector(width, shape.bias)
        output = self.value(source.type.shape)
        op = ops.make_norm(shape.kind, shape.epsilon, shape.offset, weight, bias, source, output)
        return self.add(op, layer)

    def map(self, source: Value, layer: int | None = None) -> Value:
        """A scalar function of one value, or of it and an earlier one."""
        function = self.choose(self.palette.functions)
        inputs = [source]
        if ops.SCALAR_FUNCTIONS[function][2] == 2:
            inputs.append(self.earlier(source, layer))
        output = self.value(source.type.shape)
        return self.add(ops.make_map(function, tuple(inputs), output), layer)

    def earlier(self, like: Value, layer: int | None = None) -> Value:
        """An earlier value of the same type, which may be the same value."""
        known = [op.outputs[0] for op in self.program.ops if op.layer in (None, layer)]
        known += [argument.value for argument in self.program.arguments]
        return self.choose([value for value in known if value.type == like.type] or [like])

    def layer(self, source: Value) -> Value:
        """A residual layer: a feed-forward one, or cached attention."""
        number, self.layers = self.layers, self.layers + 1
        # Tokens that have been chosen are in no cache.
        if not source.type.counted and self.chance(0.5):
            branch = self.attention(source, cached=True, layer=number)
        else:
            branch = self.norm(source, number)
            branch = self.linear(branch, self.width(), number)
            branch = self.map(branch, number)
        branch = self.linear(branch, source.type.shape[1], number)
        if self.chance(0.3):
            branch = self.norm(branch, number)
        multiplier = 0.5 if self.chance(0.3) else 1.0
        output = self.value(source.type.shape)
        return self.add(ops.make_residual(source, branch, output, multiplier, number))

    def gather(self, source: Value, rows: str) -> Value:
        """Some of the rows, as many as the dimension `rows` says."""
        count, *channels = source.type.shape

        def make(rng: np.random.Generator, dims: Dims, _: int) -> np.ndarray:
            known = dims[count] if isinstance(count, str) else count
            return rng.integers(0, known, dims[rows]).astype(np.int32)

        indices = self.argument("indices", TensorType((rows,), "i32"), make)
        return self.add(tokens.make_gather(source, indices, self.value((rows, *channels))))

    def pool(self, source: Value) -> Value:
        """Rows of segments."""
        rows, width = source.type.shape
        kind = self.choose(self.palette.pool_kinds)
        weights = None
        if self.chance(0.5) and kind == "mean":

            def make(rng: np.random.Generator, dims: Dims, _: int) -> np.ndarray:
                return rng.integers(0, 4, dims[rows]).astype(np.float32)

            weights = self.argument("pool_weights", TensorType((rows,)), make)
        segments = self.ids("pooled", rows, 4)
        wanted = self.ids("wanted", "P", 5)
        output = self.value(("P", width))
        return self.add(tokens.make_pool(kind, source, segments, wanted, weights, output))

    # Attention

    def heads(self, source: Value, heads: int, width: int, layer: int | None) -> Value:
        """A projection of rows to heads."""
        flat = self.linear(source, heads * width, layer)
        output = self.value((source.type.shape[0], heads, width))
        return self.add(attention.make_split(flat, output), layer)

    def rope_settings(self, shape: RopeShape, width: int) -> RopeSettings:
        """The attributes of a rope for heads of `width`."""
        dims = max(2, 2 * int(shape.share * (width // 2)))
        return RopeSettings(shape.base, dims, shape.layout, shape.scaling, shape.scaling_text)

    def attention(self, source: Value, cached: bool, layer: int | None = None) -> Value:
        """Projections, norms of heads, rope, attention, and heads joined."""
        rows = source.type.shape[0]
        shape = self.attention_shape(cached, counted=rows != "T")
        query = self.heads(source, shape.heads, shape.key_dim, layer)
        key = self.heads(source, shape.key_heads, shape.key_dim, layer)
        value = self.heads(source, shape.key_heads, shape.value_dim, layer)
        if self.chance(0.4):
            norm = self.choose(self.palette.norms)
            query, key = self.norm(query, layer, norm), self.norm(key, layer, norm)
        positions = token_steps.positions_of(self, rows)
        if self.chance(0.7):
            rope = self.choose(self.palette.ropes)
            settings = self.rope_settings(rope, shape.key_dim)
            factors = None
            if rope.factors:
                factors = replace(
                    self.param((settings.dims // 2,), "f32"), source="splat = 2.0 : f32"
                )
            turned = []
            for operand in (query, key):
                output = self.value(operand.type.shape)
                op = attention.make_rope(settings, factors, operand, positions, output)
                turned.append(self.add(op, layer))
            query, key = turned
        outputs = self.attention_outputs(shape, rows, rows)
        settings = self.attention_settings(shape, rows)
        if cached:
            segments = self.segments()
            op = attention.make_cached_attention(
                settings,
                shape.capacity,
                query,
                key,
                value,
                positions,
                segments,
                outputs,
                shape.kept,
                shape.formats,
                counts=shape.counts,
            )
        else:
            op = attention.make_attention(
                settings, query, key, value, (positions, positions), outputs
            )
        result = self.add(op, layer)
        if layer is None and shape.results > 1:
            self.pruning.remember(op, settings)
        flat = self.value((rows, shape.heads * shape.value_dim))
        return self.add(attention.make_join(result, flat), layer)

    def cross_attention(self) -> Value:
        """Attention on arguments: more keys than queries, or fewer."""
        shape = self.attention_shape(cached=False)

        positions = (self.ids("query_positions", "T", 30), self.ids("key_positions", "S", 30))
        op = attention.make_attention(
            self.attention_settings(shape, "S"),
            self.numbers("query", ("T", shape.heads, shape.key_dim)),
            self.numbers("key", ("S", shape.key_heads, shape.key_dim)),
            self.numbers("value", ("S", shape.key_heads, shape.value_dim)),
            positions,
            self.attention_outputs(shape, "T", "S"),
        )
        result = self.add(op)
        flat = self.value(("T", shape.heads * shape.value_dim))
        return self.add(attention.make_join(result, flat))

    def attention_shape(self, cached: bool, counted: bool = False) -> AttentionShape:
        """One of the palette; with counted rows one without arguments that would
        have as many."""
        shapes = [shape for shape in self.palette.attentions if shape.cached == cached]
        if counted:
            shapes = [shape for shape in shapes if not shape.needs_pairs]
        return self.choose(shapes)

    def attention_outputs(self, shape: AttentionShape, rows: str, keys: str) -> tuple[Value, ...]:
        """Output, lse and scores, as many as there are."""
        shapes = (
            (rows, shape.heads, shape.value_dim),
            (rows, shape.heads),
            (keys, shape.key_heads),
        )
        return tuple(self.value(result) for result in shapes[: shape.results])

    def attention_settings(self, shape: AttentionShape, keys: str) -> AttentionSettings:
        """Attributes and optional operands."""
        settings = AttentionSettings(
            shape.mask,
            shape.mask_text,
            shape.scale,
            shape.softcap,
            sinks=self.vector(shape.heads, "f32") if shape.sinks else None,
        )
        if shape.distances:
            buckets = 2 * (len(shape.distances) + 1)
            relative = self.param((buckets, shape.heads), "f32")
            settings = replace(settings, relative=relative, distances=shape.distances)
        if shape.cached:
            return settings
        if shape.segments:
            own = token_steps.segments_of(self, keys if keys != "S" else "T")
            other = self.segments("key_segments", keys) if keys == "S" else own
            settings = replace(settings, segments=(own, other))
        if shape.bias:
            sizes = (shape.heads, "T", keys)[3 - shape.bias :]
            settings = replace(settings, bias=self.numbers("bias", sizes))
        if shape.mask == "explicit":

            def make(rng: np.random.Generator, dims: Dims, _: int) -> np.ndarray:
                return rng.random((dims["T"], dims[keys])) < 0.4

            kind = TensorType(("T", keys), "i1")
            settings = replace(settings, visible=self.argument("visible", kind, make))
        if shape.mask == "tree":

            def make_words(rng: np.random.Generator, dims: Dims, _: int) -> np.ndarray:
                return rng.integers(-(2**62), 2**62, (dims["T"], 1))

            kind = TensorType(("T", 1), "i64")
            settings = replace(settings, visible=self.argument("ancestors", kind, make_words))
        return settings

    # Programs

    def numbers_start(self) -> Value:
        """An argument of rows."""
        return self.numbers("x", ("T", self.width()), scale=self.choose((1, 0.1, 8)))

    def embed_start(self) -> Value:
        """Rows of a table in one of the formats of the palette."""
        width = self.width()
        fitting = [name for name in self.palette.tables if width % ops.FORMATS[name] == 0]
        table = self.param((VOCABULARY, width), self.choose(fitting))
        ids = self.ids("ids", "T", VOCABULARY)
        output = self.value(("T", width))
        return self.add(tokens.make_embed(table, self.palette.embed_scale, ids, output))

    def image_start(self) -> Value:
        """Rows of the patches of an image, perhaps behind one of a param."""
        image = self.palette.image
        source = self.numbers("image", (image.channels, image.height, image.width))
        patches = tokens.make_patches(image.side, source, self.value(image.patches))
        current = self.linear(self.add(patches), self.width())
        if self.chance(0.6):
            rows, width = current.type.shape
            first = self.param((1, width), "f32")
            output = self.value((rows + 1, width))
            current = self.add(tokens.make_concat(first, current, output))
        if self.chance(0.5):
            current = self.norm(current)
        return self.gather(current, "T")

    def start(self) -> Value:
        """The first rows [T, D]."""
        starts = ((self.numbers_start,) * 5, (self.embed_start,) * 3)
        starts += ((self.cross_attention,), (self.image_start,))
        return self.choose(sum(starts, ()))()

    def step(self, current: Value) -> Value:
        """One more op or layer on rows [T, D]."""
        step = self.choose(("linear", "linear", "norm", "map", "attention", "cache", "layer"))
        if step == "linear":
            return self.linear(current, self.width())
        if step in ("attention", "cache"):
            return self.attention(current, cached=step == "cache")
        return getattr(self, step)(current)

    def end(self, current: Value) -> None:
        """Fewer rows at the end, and ops on these."""
        if self.chance(0.5):
            current = self.pool(current)
        else:
            current = self.gather(current, "R")
        if self.chance(0.5):
            current = self.norm(current)
        if self.chance(0.5):
            self.linear(current, self.width())

    def build(self) -> Program:
        """The whole program with its calls."""
        calls = self.choose_calls()
        current = self.start()
        with self.choices.span():
            current = self.step(current)
        for _ in range(3):
            if not self.chance(0.6):
                break
            with self.choices.span():
                current = self.step(current)
        if token_steps.prunes(self.program.seed):
            current = token_steps.add_steps(self, current)
        if self.chance(0.25) and current.type.shape[0] == "T":
            self.end(current)
        self.program.calls = self.limit_calls(calls)
        return self.program

    def choose_calls(self) -> list[Dims]:
        """Counts for each call."""
        return [
            {
                "T": self.between(*REGIMES[regime]),
                "S": self.between(0, 150),
                "R": self.between(1, 20),
                "P": self.between(0, 6),
            }
            for regime in self.choose(ORDERS)
        ]

    def limit_calls(self, calls: list[Dims]) -> list[Dims]:
        """The calls as far as they are within the capacity of the caches."""
        left = min((cache.capacity for cache in self.program.caches), default=10**6)
        tree = any(a.value.name.startswith("ancestors") for a in self.program.arguments)
        limited = []
        for call in calls:
            rows = min(call["T"], left, 64 if tree else left)
            left -= rows
            # A call with caches may have no dimension above what they have left.
            most = left + rows
            limited.append(
                {
                    "T": rows,
                    # A tree needs at least as many keys as queries.
                    "S": min(call["S"] + (rows if tree else 0), most),
                    "R": min(call["R"], most) if rows else 0,
                    "P": min(call["P"], most),
                }
            )
        return limited


def generate(
    seed: int, choices: Sequence[int] | None = None, palette: Sequence[int] | None = None
) -> tuple[Program, Choices, Choices]:
    """The program of a seed, or of given choices, and the choices made."""
    made = Choices(np.random.default_rng(seed) if choices is None else choices)
    palette_made = palette_choices(seed) if palette is None else Choices(palette)
    return Builder(f"p{seed}", seed, made, palette_made).build(), made, palette_made
