"""Small programs of winnow IR as data, and their text.

A program is a straight line of ops. It is written in three ways: as an entry
point that returns every intermediate value, as one that returns the last values
alone (so that the compiler may fuse; residual layers are layer ops here), and
as a function for the interpreter that computes every op from given operands.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

ELEMENT_NAMES = {"f32": np.float32, "i32": np.int32, "i64": np.int64, "i1": np.bool_}
Dims = dict[str, int]


@dataclass(frozen=True)
class TensorType:
    """A plain tensor; a size is a number or the name of a dynamic dimension."""

    shape: tuple[int | str, ...]
    element: str = "f32"

    @property
    def text(self) -> str:
        """As MLIR writes it."""
        sizes = ["?" if isinstance(size, str) else str(size) for size in self.shape]
        return f"tensor<{'x'.join([*sizes, self.element])}>"

    @property
    def names(self) -> list[str]:
        """The dynamic dimensions."""
        return [size for size in self.shape if isinstance(size, str)]

    def resolve(self, dims: Dims) -> tuple[int, ...]:
        """The shape for given counts."""
        return tuple(dims[size] if isinstance(size, str) else size for size in self.shape)

    def attributes(self, name: str) -> str:
        """The attributes of an argument or result of an entry point."""
        dims = ", ".join(f'"{dim}"' for dim in self.names)
        return f' {{winnow.name = "{name}"' + (f", winnow.dims = [{dims}]}}" if dims else "}")


@dataclass(frozen=True)
class Value:
    """A value of a program; its name is unique in the program."""

    name: str
    type: TensorType


@dataclass(frozen=True)
class Cache:
    """The cache of an op that appends to one."""

    name: str
    type: str
    capacity: int


def write_float(number: float) -> str:
    """A number as MLIR reads it: always with a point."""
    text = repr(number)
    return text if "." in text else text.replace("e", ".0e")


def read_name(value: Value | Cache) -> str:
    """A value by its own name."""
    return f"%{value.name}"


@dataclass(frozen=True)
class Argument:
    """An input of a program and how to make it: from a generator, the counts of
    the call, and the number of tokens of earlier calls."""

    value: Value
    make: Callable[[np.random.Generator, Dims, int], np.ndarray]


def make_numbers(
    kind: TensorType, scale: float = 1
) -> Callable[[np.random.Generator, Dims, int], np.ndarray]:
    """Makes random numbers for an argument."""

    def make(rng: np.random.Generator, dims: Dims, _: int) -> np.ndarray:
        numbers = rng.standard_normal(kind.resolve(dims), dtype=np.float32)
        return numbers * np.float32(scale)

    return make


@dataclass(frozen=True)
class Param:
    """A weight: its name, its type's text with encoding, and its source."""

    name: str
    shape: tuple[int, ...]
    encoding: str
    source: str

    @property
    def plain_type(self) -> str:
        """The type without the encoding."""
        return f"tensor<{'x'.join(map(str, self.shape))}xf32>"

    @property
    def type(self) -> str:
        """The stored type."""
        if self.encoding == "f32":
            return self.plain_type
        return f"{self.plain_type[:-1]}, #winnow.encoding<{self.encoding}>>"

    @property
    def declaration(self) -> str:
        """The op that declares it."""
        return f"winnow.param @{self.name} from {{{self.source}}} : {self.type}"


# How the value of an operand is written, and the lines of an op from that.
Read = Callable[[Value | Cache], str]
Write = Callable[[Read], list[str]]

# What an op's results may differ by: from the inputs, the expected results and
# the decoded params by name, one bound for each result. Keys and values of an op
# with a cache are those of all calls so far.
Decoded = dict[str, np.ndarray]
Bounds = list[np.ndarray | float]
Bound = Callable[[list[np.ndarray], list[np.ndarray], Decoded], Bounds]


@dataclass(frozen=True)
class Op:
    """One op, or a few that belong together (an encoded operand cannot be
    returned, so recode and linear are one step; so are append, view and
    attention on a cache).

    The lines of `write` define %NAME for each output and %CACHE_next for a
    cache. Their local names begin with an output's."""

    kind: str
    variant: str
    encoding: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    write: Write
    bound: Bound
    params: tuple[Param, ...] = ()
    cache: Cache | None = None
    # What else is to be counted in the table of coverage.
    features: tuple[str, ...] = ()
    # The residual layer that the op is part of, and, for the op that ends it,
    # the multiplier.
    layer: int | None = None
    multiplier: float | None = None
    # What the op becomes with --activations=auto, if that is something else.
    rounded: Op | None = None


@dataclass
class Program:
    """A program with the counts of its calls."""

    name: str
    seed: int
    arguments: list[Argument] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    calls: list[Dims] = field(default_factory=list)

    @property
    def caches(self) -> list[Cache]:
        """All caches in order."""
        return [op.cache for op in self.ops if op.cache]

    @property
    def params(self) -> list[Param]:
        """All params in order; ops may share one."""
        return list(dict.fromkeys(param for op in self.ops for param in op.params))

    @property
    def with_rounding(self) -> Program:
        """What --activations=auto makes of the program, each op by itself."""
        return replace(self, ops=[op.rounded or op for op in self.ops])

    def without(self, dropped: Collection[int]) -> Program:
        """The program without the ops of these numbers: the others take their
        results as arguments. Layers of which an op goes become plain ops."""
        gone = [self.ops[number] for number in dropped]
        broken = {op.layer for op in gone} - {None}
        kept = [
            replace(op, layer=None, multiplier=None) if op.layer in broken else op
            for number, op in enumerate(self.ops)
            if number not in dropped
        ]
        known = [a.value for a in self.arguments] + [value for op in gone for value in op.outputs]
        makers = {argument.value: argument.make for argument in self.arguments}
        used = {value for op in kept for value in op.inputs}
        arguments = [
            Argument(value, makers.get(value) or make_numbers(value.type))
            for value in known
            if value in used
        ]
        return replace(self, arguments=arguments, ops=kept)

    @property
    def last_values(self) -> tuple[Value, ...]:
        """What the program is for."""
        return self.ops[-1].outputs

    @property
    def all_values(self) -> list[Value]:
        """Every intermediate value."""
        return [value for op in self.ops for value in op.outputs]

    def make_inputs(self, rng: np.random.Generator, dims: Dims, past: int) -> list[np.ndarray]:
        """Random arguments of one call."""
        return [argument.make(rng, dims, past) for argument in self.arguments]

    # Texts

    def write_tapped_entry(self) -> str:
        """The entry point NAME, which returns every value."""
        lines = [line for op in self.ops for line in op.write(read_name)]
        return self._write_entry(self.name, lines, self.all_values)

    def write_fused_entry(self) -> str:
        """The entry point NAME_fused, which returns the last values."""
        lines: list[str] = []
        position = 0
        while position < len(self.ops):
            layer = self.ops[position].layer
            end = position + 1
            while layer is not None and self.ops[end - 1].multiplier is None:
                end += 1
            group = self.ops[position:end]
            lines += group[0].write(read_name) if layer is None else _write_layer(group)
            position = end
        return self._write_entry(f"{self.name}_fused", lines, list(self.last_values))

    def _write_entry(self, name: str, lines: list[str], results: Sequence[Value]) -> str:
        parameters = [
            f"%{a.value.name}: {a.value.type.text}{a.value.type.attributes(a.value.name)}"
            for a in self.arguments
        ]
        parameters += [f'%{c.name}: {c.type} {{winnow.name = "{c.name}"}}' for c in self.caches]
        types = [value.type.text + value.type.attributes(value.name) for value in results]
        types += [cache.type for cache in self.caches]
        names = [f"%{value.name}" for value in results]
        names += [f"%{cache.name}_next" for cache in self.caches]
        plain = [value.type.text for value in results] + [cache.type for cache in self.caches]
        body = "\n".join("  " + line for line in lines)
        return (
            f"func.func @{name}({', '.join(parameters)})\n    -> ({', '.join(types)})"
            f" attributes {{winnow.entry}} {{\n{body}\n"
            f"  return {', '.join(names)} : {', '.join(plain)}\n}}\n"
        )

    def write_check(self) -> str:
        """The function NAME for the interpreter: all operands are arguments,
        those of the program as well as NAME_given for intermediate values."""
        computed = {value.name for value in self.all_values}

        def read_given(value: Value | Cache) -> str:
            return f"%{value.name}_given" if value.name in computed else f"%{value.name}"

        parameters = [f"%{a.value.name}: {a.value.type.text}" for a in self.arguments]
        names = [a.value.name for a in self.arguments]
        parameters += [f"%{v.name}_given: {v.type.text}" for v in self.all_values]
        names += [f"{value.name}_given" for value in self.all_values]
        parameters = [
            f'{parameter} {{winnow.name = "{name}"}}'
            for parameter, name in zip(parameters, names, strict=True)
        ]
        parameters += [
            f'%{c.name}: {c.type} {{winnow.name = "{self.name}_{c.name}"}}' for c in self.caches
        ]
        lines = [line for op in self.ops for line in op.write(read_given)]
        results = [f"%{value.name}" for value in self.all_values]
        results += [f"%{cache.name}_next" for cache in self.caches]
        types = [value.type.text for value in self.all_values]
        types += [cache.type for cache in self.caches]
        body = "\n".join("  " + line for line in lines)
        return (
            f"func.func @{self.name}({', '.join(parameters)}) -> ({', '.join(types)}) {{\n{body}\n"
            f"  return {', '.join(results)} : {', '.join(types)}\n}}\n"
        )


def _write_layer(group: list[Op]) -> list[str]:
    """A residual layer of all ops of `group`, the last of which is the sum."""
    *body, end = group
    residual, branch = end.inputs
    inside = {value.name for op in body for value in op.outputs}
    outside: dict[str, Value] = {}
    for op in body:
        for value in op.inputs:
            if value.name not in inside:
                outside[value.name] = value
    caches = [op.cache for op in body if op.cache]
    operands = [*outside, *(cache.name for cache in caches)]
    bindings = [f"%{name}_inside = %{name}" for name in operands]

    def read_inside(value: Value | Cache) -> str:
        return f"%{value.name}_inside" if value.name in operands else f"%{value.name}"

    types = [residual.type.text, *(value.type.text for value in outside.values())]
    types += [cache.type for cache in caches]
    results = [end.outputs[0].type.text, *(cache.type for cache in caches)]
    names = [f"%{end.outputs[0].name}", *(f"%{cache.name}_next" for cache in caches)]
    multiplier = (
        f" {{multiplier = {write_float(end.multiplier)} : f32}}" if end.multiplier != 1 else ""
    )
    lines = [
        f"{', '.join(names)} = winnow.layer residual(%{residual.name})"
        f" inputs({', '.join(bindings)}){multiplier}",
        f"    : ({', '.join(types)}) -> ({', '.join(results)}) {{",
    ]
    lines += ["  " + line for op in body for line in op.write(read_inside)]
    yielded = [f"%{branch.name}", *(f"%{cache.name}_next" for cache in caches)]
    lines.append(f"  winnow.yield {', '.join(yielded)} : {', '.join(results)}")
    lines.append("}")
    return lines
