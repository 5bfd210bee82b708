"""Small programs and their text.

A program is a straight line of ops. It is written in three ways: as an entry
point that returns every intermediate value, as one that returns the last values
alone (so that the compiler may fuse; residual layers are layer ops here), and
as a function for the interpreter that computes every op from given operands.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

import program_taps
from program_ir import (
    Argument,
    Cache,
    Dims,
    Op,
    Param,
    Value,
    make_numbers,
    read_name,
    write_float,
)


@dataclass
class Program:
    """A program with the counts of its calls."""

    name: str
    seed: int
    arguments: list[Argument] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    calls: list[Dims] = field(default_factory=list)
    # For each dimension that the program counts, the tokens that its rows are of.
    origins: dict[str, Value] = field(default_factory=dict)

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
        results as arguments, but for rows that are counted. Layers of which an
        op goes become plain ops."""
        dropped = self._droppable(dropped)
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
        dims = {value.type.counted for op in kept for value in op.outputs} - {None}
        if dims:
            used |= {program_taps.TOKENS, program_taps.TABLE}
        origins = {dim: origin for dim, origin in self.origins.items() if dim in dims}
        arguments = [
            Argument(value, makers.get(value) or make_numbers(value.type))
            for value in known
            if value in used
        ]
        return replace(self, arguments=arguments, ops=kept, origins=origins)

    def _droppable(self, dropped: Collection[int]) -> set[int]:
        """Those of the numbers of ops whose counted rows no other op needs."""
        makers = {value: number for number, op in enumerate(self.ops) for value in op.outputs}
        found = set(dropped)
        for number in range(len(self.ops) - 1, -1, -1):
            if number in found:
                continue
            op = self.ops[number]
            values = [value for value in (*op.inputs, *op.outputs) if value.type.counted]
            needed = values + [self.origins[value.type.counted] for value in values]
            found -= {makers[value] for value in needed}
        return found

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
        results = []
        for value in self.all_values:
            if value.type.counted:
                lines += program_taps.write_tap(value, self.origins[value.type.counted])
                value = Value(f"{value.name}_tap", program_taps.tapped_type(value))
            results.append(value)
        return self._write_entry(self.name, lines, results)

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
        those of the program as well as NAME_given for intermediate values. It
        returns all values."""
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
