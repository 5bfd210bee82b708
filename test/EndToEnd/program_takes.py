"""Weights of which a program takes some rows and some columns."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from program_choices import SHARE, Choices
from program_ir import Param


def takes_weights(seed: int) -> bool:
    """Whether linear layers of a seed's program may take some of a weight: its seed
    decides alone, so that other programs do not depend on what can be taken."""
    return seed % SHARE == 5


@dataclass(frozen=True)
class Take:
    """A `winnow.take`: indices that rise, along rows (0) or columns (1)."""

    indices: tuple[int, ...]
    axis: int

    def of(self, array: np.ndarray) -> np.ndarray:
        """What it leaves of an array."""
        return np.take(array, self.indices, self.axis)

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of what it leaves."""
        return (*shape[: self.axis], len(self.indices), *shape[self.axis + 1 :])


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


def write_takes(name: str, param: Param, takes: tuple[Take, ...]) -> tuple[list[str], Param]:
    """Lines that define %NAME as what the takes leave of a param, and a param of its
    type."""
    names = [f"{name}_{number}" for number in range(len(takes))] + [name]
    lines = [f"%{names[0]} = winnow.use @{param.name} : {param.type}"]
    for take, source, result in zip(takes, names, names[1:], strict=False):
        left = replace(param, shape=take.shape(param.shape))
        indices = ", ".join(map(str, take.indices))
        lines.append(
            f"%{result} = winnow.take %{source} [{indices}] along {take.axis}"
            f" : {param.type} -> {left.type}"
        )
        param = left
    return lines, param
