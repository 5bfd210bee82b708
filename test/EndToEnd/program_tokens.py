"""Ops of random programs that make, choose or join rows."""

from __future__ import annotations

import numpy as np

from program_ir import Bounds, Decoded, Op, Param, Read, Value, write_float
from program_ops import U, exact, wide


def make_embed(table: Param, scale: float, ids: Value, output: Value) -> Op:
    """Rows of a table."""

    def write(read: Read) -> list[str]:
        return [
            f"%{output.name}_table = winnow.use @{table.name} : {table.type}",
            f"%{output.name} = winnow.embed %{output.name}_table[{read(ids)}]"
            f" {{scale = {write_float(scale)} : f32}}"
            f" : {table.type}, {ids.type.text} -> {output.type.text}",
        ]

    return Op("embed", "-", table.encoding, (ids,), (output,), write, exact, (table,))


def make_gather(source: Value, indices: Value, output: Value) -> Op:
    """Rows of a value."""

    def write(read: Read) -> list[str]:
        return [
            f"%{output.name} = winnow.token_gather {read(source)}[{read(indices)}]"
            f" : {source.type.text}, {indices.type.text} -> {output.type.text}"
        ]

    return Op("token_gather", "-", "-", (source, indices), (output,), write, exact)


def make_pool(
    kind: str, source: Value, segments: Value, wanted: Value, weights: Value | None, output: Value
) -> Op:
    """One row for each wanted segment."""

    def write(read: Read) -> list[str]:
        optional = f" weights({read(weights)} : {weights.type.text})" if weights else ""
        return [
            f"%{output.name} = winnow.token_pool {kind} {read(source)} of {read(segments)}"
            f" for {read(wanted)}{optional} : {source.type.text}, {segments.type.text},"
            f" {wanted.type.text} -> {output.type.text}"
        ]

    def bound(inputs: list[np.ndarray], _: list[np.ndarray], __: Decoded) -> Bounds:
        if kind != "mean":
            return [0.0]
        # Weights are not negative, so that a mean is no larger than the largest.
        return [2 * (len(inputs[0]) + 2) * U * np.maximum(1, wide(inputs[0]).max(initial=0))]

    inputs = (source, segments, wanted) + ((weights,) if weights else ())
    variant = kind + ("+weights" if weights else "")
    return Op("token_pool", variant, "-", inputs, (output,), write, bound)


def make_patches(side: int, image: Value, output: Value) -> Op:
    """The patches of an image, a row each."""

    def write(read: Read) -> list[str]:
        return [
            f"%{output.name} = winnow.image_patches {read(image)} {{size = {side} : i64}}"
            f" : {image.type.text} -> {output.type.text}"
        ]

    return Op("image_patches", f"side {side}", "-", (image,), (output,), write, exact)


def make_concat(first: Param, source: Value, output: Value) -> Op:
    """The rows of a param, then those of a value; both static."""

    def write(read: Read) -> list[str]:
        return [
            f"%{output.name}_first = winnow.use @{first.name} : {first.type}",
            f"%{output.name} = tensor.concat dim(0) %{output.name}_first, {read(source)}"
            f" : ({first.type}, {source.type.text}) -> {output.type.text}",
        ]

    return Op("concat", "-", "-", (source,), (output,), write, exact, (first,))
