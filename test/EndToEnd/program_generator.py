"""Random programs from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

import program_attention as attention
import program_ops as ops
from program_attention import AttentionSettings, RopeSettings
from program_ir import Argument, Dims, Op, Param, Program, TensorType, Value
from program_ops import FLOAT_FORMATS, FORMATS
from program_palette import SEEDS, AttentionShape, palette

IDS = TensorType(("T",), "i32")
# Rows of a call.
REGIMES = {"none": (0, 0), "one": (1, 1), "few": (2, 16), "many": (17, 70)}
CAPACITIES = (32, 160)
VOCABULARY = 24
LARGEST_POSITION = 4000


def regime_of(rows: int) -> str:
    """The regime that a number of rows belongs to."""
    for name, (_, last) in REGIMES.items():
        if rows <= last:
            return name
    return "many"


class Builder:
    """Builds one program from its seed."""

    def __init__(self, name: str, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.program = Program(name, seed)
        self.values = 0
        self.params = 0
        self.layers = 0

    # Random choices

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return bool(self.rng.random() < probability)

    def choose(self, options: Sequence):
        """One of the options."""
        return options[int(self.rng.integers(len(options)))]

    def between(self, first: int, last: int) -> int:
        """A number of a range, both ends included."""
        return int(self.rng.integers(first, last + 1))

    # Values, arguments, params

    def value(self, shape: tuple[int | str, ...]) -> Value:
        """A new intermediate value."""
        self.values += 1
        return Value(f"v{self.values}", TensorType(shape))

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

        def make(rng: np.random.Generator, dims: Dims, _: int) -> np.ndarray:
            numbers = rng.standard_normal(kind.resolve(dims), dtype=np.float32)
            return numbers * np.float32(scale)

        return self.argument(name, kind, make)

    def positions(self) -> Value:
        """Positions of the tokens: consecutive, or any."""
        consecutive = self.chance(0.7)

        def make(rng: np.random.Generator, dims: Dims, past: int) -> np.ndarray:
            if consecutive:
                return np.arange(past, past + dims["T"], dtype=np.int32)
            return rng.integers(0, LARGEST_POSITION, dims["T"]).astype(np.int32)

        return self.argument("positions", IDS, make)

    def segments(self, name: str = "segments", rows: str = "T") -> Value:
        """Segments of the tokens."""

        def make(rng: np.random.Generator, dims: Dims, _: int) -> np.ndarray:
            return rng.integers(0, 2, dims[rows]).astype(np.int32)

        return self.argument(name, TensorType((rows,), "i32"), make)

    def param(self, shape: tuple[int, ...], encoding: str) -> Param:
        """A random param."""
        name = f"{self.program.name}_w{self.params}"
        self.params += 1
        seed = int(self.rng.integers(2**31))
        return Param(name, shape, encoding, f"random = {seed} : i64")

    def vector(self, size: int) -> Param:
        """A param that is used as a plain vector."""
        return self.param((size,), self.choose(("f32", "f32", "f32", "bf16", "f16")))

    def add(self, op: Op, layer: int | None = None) -> Value:
        """Appends an op and returns its first result."""
        if layer is not None and op.layer is None:
            op = replace(op, layer=layer)
        self.program.ops.append(op)
        return op.outputs[0]

    # Steps

    def width(self) -> int:
        """A random number of channels."""
        odd = (1, 3, 5, 17, 20, 33, 48, 60)
        return self.choose((*odd, 32, 64, 96, 128, 160, 256, 256, 256, 512))

    def linear(self, source: Value, outer: int, layer: int | None = None) -> Value:
        """A linear layer in a format that fits the width."""
        rows, inner = source.type.shape
        fitting = [name for name, block in FORMATS.items() if inner % block == 0]
        blocked = [name for name in fitting if name not in FLOAT_FORMATS]
        encoding = self.choose(blocked if blocked and self.chance(0.8) else FLOAT_FORMATS)
        activations = "f32"
        if encoding in ops.ACTIVATIONS and self.chance(0.65):
            activations = ops.ACTIVATIONS[encoding]
        weight = self.param((outer, inner), encoding)
        bias = self.vector(outer) if self.chance(0.3) else None
        output = self.value((rows, outer))
        return self.add(ops.make_linear(weight, bias, activations, source, output), layer)

    def norm(self, source: Value, layer: int | None = None) -> Value:
        """A norm of rows or of heads."""
        kind = self.choose(("rms", "rms", "layer", "l2"))
        width = source.type.shape[-1]
        weight = self.vector(width) if self.chance(0.8) else None
        bias = self.vector(width) if self.chance(0.3) else None
        offset = 1.0 if weight and self.chance(0.7) else 0.0
        epsilon = self.choose((1e-6, 1e-5, 0.25))
        output = self.value(source.type.shape)
        op = ops.make_norm(kind, epsilon, offset, weight, bias, source, output)
        return self.add(op, layer)

    def map(self, source: Value, layer: int | None = None) -> Value:
        """A scalar function of one value, or of it and an earlier one."""
        function = self.choose(tuple(ops.SCALAR_FUNCTIONS))
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
        if self.chance(0.5):
            branch = self.norm(source, number)
            branch = self.linear(branch, self.width(), number)
            branch = self.map(branch, number)
        else:
            branch = self.attention(source, cached=True, layer=number)
        branch = self.linear(branch, source.type.shape[1], number)
        if self.chance(0.3):
            branch = self.norm(branch, number)
        multiplier = 1.0 if self.chance(0.7) else 0.5
        output = self.value(source.type.shape)
        return self.add(ops.make_residual(source, branch, output, multiplier, number))

    def gather(self, source: Value) -> Value:
        """Some of the rows."""

        def make(rng: np.random.Generator, dims: Dims, _: int) -> np.ndarray:
            return rng.integers(0, dims["T"], dims["R"]).astype(np.int32)

        indices = self.argument("indices", TensorType(("R",), "i32"), make)
        output = self.value(("R", *source.type.shape[1:]))
        return self.add(ops.make_gather(source, indices, output))

    def heads(self, source: Value, heads: int, width: int, layer: int | None) -> Value:
        """A projection of rows to heads."""
        flat = self.linear(source, heads * width, layer)
        output = self.value((source.type.shape[0], heads, width))
        return self.add(attention.make_split(flat, output), layer)

    def rope_settings(self, width: int) -> RopeSettings:
        """The attributes of a rope for heads of `width`."""
        dims = 2 * self.between(1, width // 2)
        scaling, text = self.choose(
            (
                ("none", ""),
                ("linear", "<linear, factor = 4.0 : f64>"),
                (
                    "llama3",
                    "<llama3, factor = 8.0 : f64, low = 1.0 : f64, high = 4.0 : f64,"
                    " originalContext = 1024>",
                ),
                ("yarn", "<yarn, factor = 4.0 : f64, originalContext = 512>"),
            )
        )
        if text:
            text = f", scaling = #winnow.rope_scaling{text}"
        layout = self.choose(("half", "interleaved"))
        return RopeSettings(self.choose((10000.0, 1000000.0)), dims, layout, scaling, text)

    def attention(self, source: Value, cached: bool, layer: int | None = None) -> Value:
        """Projections, norms of heads, rope, attention, and heads joined."""
        shape = self.attention_shape(cached)
        query = self.heads(source, shape.heads, shape.key_dim, layer)
        key = self.heads(source, shape.key_heads, shape.key_dim, layer)
        value = self.heads(source, shape.key_heads, shape.value_dim, layer)
        if self.chance(0.4):
            query, key = self.norm(query, layer), self.norm(key, layer)
        positions = self.positions()
        if self.chance(0.7):
            settings = self.rope_settings(shape.key_dim)
            factors = None
            if self.chance(0.2):
                factors = replace(
                    self.param((settings.dims // 2,), "f32"), source="splat = 2.0 : f32"
                )
            turned = []
            for operand in (query, key):
                output = self.value(operand.type.shape)
                op = attention.make_rope(settings, factors, operand, positions, output)
                # The second op reads the same param, which is declared once.
                turned.append(self.add(op if not turned else replace(op, params=()), layer))
            query, key = turned
        outputs = self.attention_outputs(shape, "T")
        settings = self.attention_settings(shape, "T")
        if cached:
            segments = self.segments()
            capacity = self.choose(CAPACITIES)
            op = attention.make_cached_attention(
                settings, capacity, query, key, value, positions, segments, outputs
            )
        else:
            op = attention.make_attention(
                settings, query, key, value, (positions, positions), outputs
            )
        result = self.add(op, layer)
        flat = self.value(("T", shape.heads * shape.value_dim))
        return self.add(attention.make_join(result, flat), layer)

    def cross_attention(self) -> Value:
        """Attention on arguments: more keys than queries, or fewer."""
        shape = self.attention_shape(cached=False)

        def make(rng: np.random.Generator, dims: Dims, _: int) -> np.ndarray:
            return rng.integers(0, 30, dims["S"]).astype(np.int32)

        def make_queries(rng: np.random.Generator, dims: Dims, _: int) -> np.ndarray:
            return rng.integers(0, 30, dims["T"]).astype(np.int32)

        positions = (
            self.argument("query_positions", IDS, make_queries),
            self.argument("key_positions", TensorType(("S",), "i32"), make),
        )
        op = attention.make_attention(
            self.attention_settings(shape, "S"),
            self.numbers("query", ("T", shape.heads, shape.key_dim)),
            self.numbers("key", ("S", shape.key_heads, shape.key_dim)),
            self.numbers("value", ("S", shape.key_heads, shape.value_dim)),
            positions,
            self.attention_outputs(shape, "S"),
        )
        result = self.add(op)
        flat = self.value(("T", shape.heads * shape.value_dim))
        return self.add(attention.make_join(result, flat))

    def attention_shape(self, cached: bool) -> AttentionShape:
        """One of the palette."""
        shapes = palette(self.program.seed // SEEDS)
        return self.choose([shape for shape in shapes if shape.cached == cached])

    def attention_outputs(self, shape: AttentionShape, keys: str) -> tuple[Value, ...]:
        """Output, lse and scores, as many as there are."""
        shapes = (
            ("T", shape.heads, shape.value_dim),
            ("T", shape.heads),
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
            sinks=self.vector(shape.heads) if shape.sinks else None,
        )
        if shape.cached:
            return settings
        if shape.segments:
            own = self.segments()
            other = own if keys == "T" else self.segments("key_segments", keys)
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

    def build(self, regimes: Sequence[str]) -> Program:
        """The whole program, with one call for each of the regimes."""
        start = self.rng.random()
        if start < 0.12:
            current = self.cross_attention()
        elif start < 0.4:
            width = self.width()
            fitting = [name for name, block in FORMATS.items() if width % block == 0]
            table = self.param((VOCABULARY, width), self.choose(fitting))

            def make(rng: np.random.Generator, dims: Dims, _: int) -> np.ndarray:
                return rng.integers(0, VOCABULARY, dims["T"]).astype(np.int32)

            ids = self.argument("ids", IDS, make)
            scale = self.choose((1.0, 16.0))
            current = self.add(ops.make_embed(table, scale, ids, self.value(("T", width))))
        else:
            current = self.numbers("x", ("T", self.width()), scale=self.choose((0.1, 1, 8)))
        for _ in range(self.between(1, 4)):
            step = self.choose(("linear", "linear", "norm", "map", "attention", "cache", "layer"))
            if step == "linear":
                current = self.linear(current, self.width())
            elif step == "norm":
                current = self.norm(current)
            elif step == "map":
                current = self.map(current)
            elif step == "layer":
                current = self.layer(current)
            else:
                current = self.attention(current, cached=step == "cache")
        if self.chance(0.15):
            self.gather(current)
        self.program.calls = self.make_calls(regimes)
        return self.program

    def make_calls(self, regimes: Sequence[str]) -> list[Dims]:
        """Counts for each call, within the capacity of the caches."""
        left = min(
            (int(cache.type.split("capacity = ")[1][:-1]) for cache in self.program.caches),
            default=10**6,
        )
        tree = any(a.value.name.startswith("ancestors") for a in self.program.arguments)
        calls = []
        for regime in regimes:
            first, last = REGIMES[regime]
            tokens = self.between(first, last)
            tokens = min(tokens, 64) if tree else tokens
            if tokens > left:
                continue
            left -= tokens
            # A tree needs at least as many keys as queries. A call with caches
            # may have no vector of ids longer than what the caches have left.
            keys = self.between(0, 150) + (tokens if tree else 0)
            keys = min(keys, left + tokens)
            rows = min(self.between(1, 20), left + tokens) if tokens else 0
            calls.append({"T": tokens, "S": keys, "R": rows})
        return calls


def generate(name: str, seed: int, regimes: Sequence[str] = ("few", "one", "many")) -> Program:
    """The program of a seed."""
    return Builder(name, seed).build(regimes)
