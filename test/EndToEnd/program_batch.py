"""Which programs are compiled together, for what, and in which process."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from program_check import Outcome, Variant, test_batch
from program_generator import generate
from program_palette import SEEDS
from program_text import Program
from programs import Programs

# Of LLVM, the least one first.
TARGETS = ("x86-64-v3", "x86-64-v4", "host")
ACTIVATIONS = ("f32", "auto")
# One palette of so many runs on all targets.
SIDE_BY_SIDE = 16


@dataclass(frozen=True)
class Settings:
    """What to compile for; None: the seeds choose."""

    target: str | None = None
    activations: str | None = None

    def variants(self, seed: int) -> tuple[Variant, ...]:
        """The variants for the palette that a seed belongs to."""
        number = seed // SEEDS
        targets = [target for target in TARGETS if can_run(target)]
        # Every target comes with every mode.
        mode = self.activations or ACTIVATIONS[number // len(targets) % len(ACTIVATIONS)]
        if self.target:
            targets = [self.target]
        elif number % SIDE_BY_SIDE != SIDE_BY_SIDE - 1:
            targets = [targets[number % len(targets)]]
        return tuple(Variant(target, mode) for target in targets)


def can_run(target: str) -> bool:
    """Whether this processor is one of the target."""
    flags = Path("/proc/cpuinfo").read_text().split()
    return target != "x86-64-v4" or "avx512f" in flags


@dataclass(frozen=True)
class Recipe:
    """A program as data: of its seed, of edited choices, without some ops, with
    other calls."""

    seed: int
    choices: tuple[int, ...] | None = None
    palette: tuple[int, ...] | None = None
    dropped: frozenset[int] = frozenset()
    # The items of each call's counts.
    calls: tuple[tuple[tuple[str, int], ...], ...] | None = None

    def build(self) -> Program:
        """The program."""
        program = generate(self.seed, self.choices, self.palette)[0].without(self.dropped)
        if self.calls is None:
            return program
        return replace(program, calls=[dict(call) for call in self.calls])


@dataclass(frozen=True)
class Batch:
    """Programs that are compiled together."""

    recipes: tuple[Recipe, ...]
    variants: tuple[Variant, ...]

    def run(self, build: Path) -> Outcome:
        """Tests the programs; files are gone afterwards."""
        programs = [recipe.build() for recipe in self.recipes]
        with tempfile.TemporaryDirectory() as folder:
            files = Path(folder) / "batch"
            return test_batch(Programs(build / "bin"), programs, self.variants, files)


class Worker(threading.local):
    """A process for each thread, in which compiled code may crash."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def run(self, batch: Batch, build: Path) -> Outcome:
        """Runs a batch; after a crash in halves, until the program is alone."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        try:
            return self._pool.submit(batch.run, build).result()
        except BrokenProcessPool:
            self._pool = None
        except Exception as error:
            first, last = batch.recipes[0].seed, batch.recipes[-1].seed
            error.add_note(f"with the programs of seeds {first} to {last}")
            raise
        if len(batch.recipes) == 1:
            outcome = Outcome(programs=1)
            outcome.fail(batch.recipes[0].build(), batch.variants[0], "the process crashes")
            return outcome
        outcome, middle = Outcome(), len(batch.recipes) // 2
        for half in (batch.recipes[:middle], batch.recipes[middle:]):
            outcome.add(self.run(replace(batch, recipes=half), build))
        return outcome


def make_batches(seeds: Sequence[int], settings: Settings) -> list[Batch]:
    """Seeds in ascending order, those of one palette together."""
    by_palette: dict[int, list[Recipe]] = {}
    for seed in seeds:
        by_palette.setdefault(seed // SEEDS, []).append(Recipe(seed))
    return [
        Batch(tuple(recipes), settings.variants(recipes[0].seed)) for recipes in by_palette.values()
    ]
