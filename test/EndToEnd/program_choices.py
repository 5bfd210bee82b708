"""The random choices behind a program, recorded so that they can be edited.

Everything that differs between two programs is a list of small numbers. A
replayed list always gives a valid program: a number that is too large counts as
the largest, and a list that ends early goes on with zeros, the simplest choice.
So a reducer edits lists and need not know the language (the internal reduction
of MacIver and Donaldson, "Test-Case Reduction via Test-Case Generation", 2020).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import numpy as np

Option = TypeVar("Option")

# One program of so many has a kind of ops that the others have not, by its seed alone:
# so the others do not depend on what there is to choose.
SHARE = 7


class Choices:
    """Choices of a generator or of a list, and a record of them."""

    def __init__(self, source: np.random.Generator | Sequence[int]) -> None:
        self._source = source
        self.made: list[int] = []
        # The choices [first, last) that made one part of the program.
        self.spans: list[tuple[int, int]] = []

    def below(self, count: int) -> int:
        """A number of [0, count)."""
        if isinstance(self._source, np.random.Generator):
            number = int(self._source.integers(count))
        else:
            position = len(self.made)
            number = self._source[position] if position < len(self._source) else 0
            number = min(number, count - 1)
        self.made.append(number)
        return number

    def between(self, first: int, last: int) -> int:
        """A number of [first, last]; `first` is the simplest."""
        return first + self.below(last - first + 1)

    def chance(self, probability: float) -> bool:
        """True with this probability; False is simpler."""
        return self.below(100) >= 100 - round(100 * probability)

    def choose(self, options: Sequence[Option]) -> Option:
        """One of the options, of which the first is the simplest."""
        return options[self.below(len(options))]

    @contextmanager
    def span(self) -> Iterator[None]:
        """Marks the choices of one part, which may be removed together."""
        first = len(self.made)
        yield
        self.spans.append((first, len(self.made)))
