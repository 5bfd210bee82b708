"""Weights that a program takes some rows and columns of, or rotates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from program_choices import SHARE, Choices
from program_ir import Param
from reference.hadamard import rotated


def changes_weights(seed: int) -> bool:
    """Whether linear layers of a seed's program may read changed weights: its seed
    decides alone, so that other programs do not depend on what can be done to them."""
    return seed % SHARE == 5


@dataclass(frozen=True)
class Take:
    """A `winnow.take`: indices that rise, along rows (0) or columns (1)."""

    indices: tuple[int, ...]
    axis: int

    @property
    def name(self) -> str:
        """As coverage tells it."""
        return f"take along {self.axis}"

    def of(self, array: np.ndarray) -> np.ndarray:
        """What it makes of an array."""
        return np.take(array, self.indices, self.axis)

    def write(self, source: str, param: Param) -> tuple[str, Param]:
        """The op, and a param of the type of its result."""
        rows, columns = param.shape
        kept = len(self.indices)
        left = replace(param, shape=(rows, kept) if self.axis else (kept, columns))
        indices = ", ".join(map(str, self.indices))
        op = f"winnow.take {source} [{indices}] along {self.axis} : {param.type} -> {left.type}"
        return op, left


@dataclass(frozen=True)
class Rotation:
    """A `winnow.hadamard` of runs of rows (0) or columns (1)."""

    size: int
    axis: int

    @property
    def name(self) -> str:
        """As coverage tells it."""
        return f"hadamard along {self.axis}"

    def of(self, array: np.ndarray) -> np.ndarray:
        """What it makes of an array."""
        return rotated(array, self.size, self.axis)

    def write(self, source: str, param: Param) -> tuple[str, Param]:
        """The op, and a param of the type of its result."""
        return f"winnow.hadamard {source} by {self.size} along {self.axis} : {param.type}", param


Change = Take | Rotation


def choose_take(choices: Choices, size: int, axis: int, block: int = 1) -> tuple[Take, int]:
    """A take that leaves `size` indices, all of each of some blocks, and of how many
    it leaves them."""
    blocks = size // block
    spare = choices.between(0, max(1, blocks // 2))
    # The spare ones are in front of these; some may be at the end.
    places = sorted(choices.below(blocks + 1) for _ in range(spare))
    kept = [number + sum(place <= number for place in places) for number in range(blocks)]
    indices = tuple(first * block + i for first in kept for i in range(block))
    return Take(indices, axis), (blocks + spare) * block


def choose_rotation(choices: Choices, size: int, axis: int) -> Rotation:
    """A rotation of runs that fit into `size`."""
    fitting = [1 << bits for bits in range(size.bit_length()) if size % (1 << bits) == 0]
    return Rotation(choices.choose(fitting), axis)


def write_changes(name: str, param: Param, changes: tuple[Change, ...]) -> tuple[list[str], Param]:
    """Lines that define %NAME as what the changes make of a param, and a param of its
    type."""
    names = [f"{name}_{number}" for number in range(len(changes))] + [name]
    lines = [f"%{names[0]} = winnow.use @{param.name} : {param.type}"]
    for change, source, result in zip(changes, names, names[1:], strict=False):
        op, param = change.write(f"%{source}", param)
        lines.append(f"%{result} = {op}")
    return lines, param
