"""Shrinks a random program as long as it fails in the same way.

First the choices that made it are removed and lowered, which gives fewer steps,
smaller sizes, simpler masks and formats (see program_choices.py); then ops are
dropped whose results the others can take as arguments, and calls are dropped
and made smaller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from program_batch import Batch, Recipe, Settings, Worker
from program_check import Failure, write_module
from program_generator import generate
from program_text import Program

# How a program fails, or None.
Test = Callable[[Recipe], Failure | None]


class Reducer:
    """Keeps the smallest program that fails as the first one did."""

    def __init__(self, seed: int, test: Test, attempts: int = 1000) -> None:
        _, choices, palette = generate(seed)
        self.best = Recipe(seed, tuple(choices.made), tuple(palette.made))
        self.failure = test(self.best)
        self._test = test
        self._tried: set[Recipe] = {self.best}
        self._left = attempts

    def reduce(self) -> None:
        """Shrinks until nothing helps or all attempts are used."""
        if self.failure is None:
            return
        self._repeat(self._change_choices)
        # By their numbers, so that choices have to stay as they are from here.
        self._repeat(self._drop_ops)
        self._repeat(self._change_calls)

    def _repeat(self, change: Callable[[], None]) -> None:
        before = None
        while before != self.best:
            before = self.best
            change()

    def _change_choices(self) -> None:
        self._remove_spans()
        for part in ("choices", "palette"):
            self._clear(part)
            self._lower(part)

    def _keep(self, candidate: Recipe) -> bool:
        """Takes the candidate if it fails in the same way."""
        if self._left == 0 or candidate in self._tried:
            return False
        self._left -= 1
        self._tried.add(candidate)
        failure = self._test(candidate)
        if failure is None or failure.cause != self.failure.cause:
            return False
        self.best, self.failure = candidate, failure
        return True

    def _remove_spans(self) -> None:
        """Removes whole steps; what follows moves up."""
        for first, last in reversed(generate(self.best.seed, self.best.choices)[1].spans):
            # The choice in front of a step is whether there is one.
            for start in (first - 1, first):
                choices = self.best.choices
                if self._keep(replace(self.best, choices=choices[:start] + choices[last:])):
                    break

    def _clear(self, part: str) -> None:
        """Makes choices the simplest, many at a time at first."""
        for first, last in chunks(len(getattr(self.best, part))):
            numbers = getattr(self.best, part)
            cleared = (*numbers[:first], *([0] * (last - first)), *numbers[last:])
            if cleared != numbers:
                self._keep(replace(self.best, **{part: cleared}))

    def _lower(self, part: str) -> None:
        """Makes each choice as small as goes."""
        for position in range(len(getattr(self.best, part))):

            def put(number: int, position: int = position) -> Recipe:
                numbers = getattr(self.best, part)
                lowered = (*numbers[:position], number, *numbers[position + 1 :])
                return replace(self.best, **{part: lowered})

            self._lower_number(getattr(self.best, part)[position], put)

    def _lower_number(self, number: int, put: Callable[[int], Recipe]) -> None:
        """Makes one number small: the least ones in turn, as what they choose
        may have no order, then by bisection."""
        if any(self._keep(put(small)) for small in range(min(number, 4))):
            return
        least, most = 4, number
        while least < most:
            middle = (least + most) // 2
            if self._keep(put(middle)):
                most = middle
            else:
                least = middle + 1

    def _change_calls(self) -> None:
        """Drops calls and lowers the counts of the others."""
        calls = tuple(tuple(dims.items()) for dims in self.best.build().calls)
        for position in reversed(range(len(calls))):
            fewer = (*calls[:position], *calls[position + 1 :])
            if fewer and self._keep(replace(self.best, calls=fewer)):
                calls = fewer
        for position, call in enumerate(calls):
            for name, count in call:

                def put(number: int, position: int = position, name: str = name) -> Recipe:
                    changed = [dict(call) for call in self.best.calls or calls]
                    changed[position][name] = number
                    items = tuple(tuple(dims.items()) for dims in changed)
                    return replace(self.best, calls=items)

                self._lower_number(count, put)

    def _drop_ops(self) -> None:
        """Drops ops, many at a time at first."""
        count = len(replace(self.best, dropped=frozenset()).build().ops)
        for first, last in chunks(count):
            dropped = self.best.dropped | set(range(first, last))
            if len(dropped) < count:
                self._keep(replace(self.best, dropped=dropped))


def chunks(count: int) -> Iterator[tuple[int, int]]:
    """All of [0, count), then its halves, and so on to single numbers."""
    size = count
    while size > 0:
        for first in range(0, count, size):
            yield first, min(first + size, count)
        size //= 2


def reduce_program(build: Path, seed: int, settings: Settings) -> tuple[Program, Failure] | None:
    """The smallest program found and how it fails; None if the seed does not
    fail. A program that fails on one target alone is compiled for that."""
    worker, variants = Worker(), settings.variants(seed)

    def test(recipe: Recipe) -> Failure | None:
        failures = worker.run(Batch((recipe,), variants), build).failures
        return failures[0] if failures else None

    reducer = Reducer(seed, test)
    reducer.reduce()
    return (reducer.best.build(), reducer.failure) if reducer.failure else None


def describe_program(program: Program, failure: Failure) -> str:
    """The text of a program, as compiled, with its calls and its failure."""
    lines = [f"// {failure}", *(f"// called with {dims}" for dims in program.calls)]
    return "\n".join([*lines, write_module([program])])
