"""Times of artifacts that do not depend on where in memory their weights happen to lie:
that makes a program faster or slower, by up to a quarter, for as long as they lie there.
Each run is of a copy, and all artifacts run in turn."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parent.parent
sys.path += [str(ROOT / folder) for folder in ("python", "test/EndToEnd")]

from artifact import Artifact, Rows, Session  # noqa: E402

Result = TypeVar("Result")


@contextmanager
def open_elsewhere(artifact: Path, threads: int) -> Iterator[Session]:
    """A session of a copy in other memory."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / artifact.name
        for suffix in (".so", ".weights"):
            contents = artifact.with_name(artifact.name + suffix).read_bytes()
            copy.with_name(copy.name + suffix).write_bytes(contents)
        with Artifact(copy) as opened, opened.session(threads=threads) as session:
            yield session


@dataclass(frozen=True)
class Times:
    """Seconds of a prompt and of the tokens behind it."""

    prefill: float
    decode: float


def time_decoder(
    artifact: Path, threads: int, prompt: int, decoded: int, repeats: int = 1
) -> Times:
    """The best of some runs of a copy, behind one that touches all memory."""
    ids = list(range(100, 100 + prompt + decoded))
    prefill, decode = [], []
    with open_elsewhere(artifact, threads) as session:
        session.prefill_prompt(ids[:prompt], rows=Rows.LAST)
        for _ in range(repeats):
            session.reset()
            start = time.perf_counter()
            session.prefill_prompt(ids[:prompt], rows=Rows.LAST)
            middle = time.perf_counter()
            for token in ids[prompt:]:
                session.append(token)
            prefill.append(middle - start)
            decode.append(time.perf_counter() - middle)
    return Times(min(prefill), min(decode))


def in_turn(
    artifacts: list[Path], rounds: int, run: Callable[[Path], Result]
) -> list[list[Result]]:
    """What each artifact's runs give, one in each round."""
    results: list[list[Result]] = [[] for _ in artifacts]
    for _ in range(rounds):
        for path, mine in zip(artifacts, results, strict=True):
            mine.append(run(path))
    return results
