"""Small programs of winnow IR as data: values, arguments, params and ops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

ELEMENT_NAMES = {"f32": np.float32, "i32": np.int32, "i64": np.int64, "i1": np.bool_}
Dims = dict[str, int]


@dataclass(frozen=True)
class TensorType:
    """A plain tensor; a size is a number or the name of a dynamic dimension. The
    names of numbers that the program counts itself begin with K."""

    shape: tuple[int | str, ...]
    element: str = "f32"

    @property
    def text(self) -> str:
        """As MLIR writes it."""
        sizes = ["?" if isinstance(size, str) else str(size) for size in self.shape]
        return f"tensor<{'x'.join([*sizes, self.element])}>"

    @property
    def counted(self) -> str | None:
        """The dimension that the program counts, if rows are."""
        rows = self.shape[0] if self.shape else 1
        return rows if isinstance(rows, str) and rows.startswith("K") else None

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
# The results that NumPy gets from the inputs.
Oracle = Callable[[list[np.ndarray]], list[np.ndarray]]


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
    # Another witness beside the interpreter.
    oracle: Oracle | None = None
