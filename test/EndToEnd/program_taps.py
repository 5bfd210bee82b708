"""Sees rows that a program counts when it runs.

A caller has to know how many rows a result has, so such a value leaves an entry
point as one row for each token: its own row where the token is among those that
stayed, else zeros. `token_pool first` puts them there, by the numbers of the
tokens; numbers themselves become rows of a table of 1, 2, 3, ...
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from program_ir import Argument, Dims, TensorType, Value

# Rows of the table of numbers.
NUMBERS = 4096
TOKENS = Value("all_tokens", TensorType(("T",), "i32"))
TABLE = Value("all_numbers", TensorType((NUMBERS, 1)))


def tap_arguments() -> list[Argument]:
    """What taps read beside the values."""

    def make_tokens(_: np.random.Generator, dims: Dims, __: int) -> np.ndarray:
        return np.arange(dims["T"], dtype=np.int32)

    def make_table(_: np.random.Generator, __: Dims, ___: int) -> np.ndarray:
        return np.arange(1, NUMBERS + 1, dtype=np.float32)[:, None]

    return [Argument(TOKENS, make_tokens), Argument(TABLE, make_table)]


def tapped_type(value: Value) -> TensorType:
    """The type of the result that shows a value."""
    if value.type.counted is None:
        return value.type
    return TensorType(("T", math.prod(value.type.shape[1:])))


def write_tap(value: Value, origin: Value) -> list[str]:
    """Lines that define %NAME_tap; `origin` holds the tokens of the rows."""
    name, kind, rows = value.name, value.type.text, tapped_type(value).text
    lines, source = [], f"%{name}"
    if value.type.element == "i32":
        source = f"%{name}_rows"
        lines = [
            f"{source} = winnow.token_gather %{TABLE.name}[%{name}]"
            f" : {TABLE.type.text}, {kind} -> {rows}"
        ]
    elif len(value.type.shape) == 1:
        source = f"%{name}_rows"
        lines = [
            f"%{name}_axis = arith.constant 0 : index",
            f"%{name}_count = tensor.dim %{name}, %{name}_axis : {kind}",
            f"{source} = tensor.expand_shape %{name} [[0, 1]]"
            f" output_shape [%{name}_count, 1] : {kind} into {rows}",
        ]
    elif len(value.type.shape) == 3:
        source = f"%{name}_rows"
        lines = [
            f"{source} = tensor.collapse_shape %{name} [[0], [1, 2]] : {kind} into {rows}",
        ]
    return [
        *lines,
        f"%{name}_tap = winnow.token_pool first {source} of %{origin.name} for %{TOKENS.name}"
        f" : {rows}, {origin.type.text}, {TOKENS.type.text} -> {rows}",
    ]


def read_taps(
    values: Sequence[Value], origins: dict[str, Value], results: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """The values that the results of taps show. Raises ValueError where rows
    hold something that belong to no token."""
    by_name = {value.name: x for value, x in zip(values, results, strict=True)}
    stayed = {dim: by_name[origin.name][:, 0] != 0 for dim, origin in origins.items()}
    found = []
    for value, result in zip(values, results, strict=True):
        dim = value.type.counted
        if dim is None:
            found.append(result)
            continue
        if result[~stayed[dim]].any():
            raise ValueError(f"%{value.name} has rows of tokens that are gone")
        rows = result[stayed[dim]]
        if value.type.element == "i32":
            found.append((rows[:, 0] - 1).astype(np.int32))
        else:
            found.append(rows.reshape(len(rows), *value.type.shape[1:]))
    return found
