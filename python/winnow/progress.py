"""Showing how far a compilation is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

ProgressFunction = Callable[[str, float], object]
"""Takes what is being done and how much of it, from 0 to 1. An exception that it
raises ends the compilation and comes out of it."""


def make_progress(progress: bool | ProgressFunction) -> tuple[ProgressFunction | None, Any]:
    """The function to call for `progress`, and the bar to close afterwards."""
    if callable(progress):
        return progress, None
    if not progress or not sys.stderr.isatty():
        return None, None
    bar = _make_bar()
    return bar.update, bar


class _PlainBar:
    """A line on standard error, rewritten."""

    def __init__(self) -> None:
        self._shown = ""

    def update(self, step: str, done: float) -> None:
        line = f"winnow: {step}" + (f" {done:.0%}" if done else "")
        if line != self._shown:
            self._shown = line
            sys.stderr.write(f"\r\033[K{line}")
            sys.stderr.flush()

    def close(self) -> None:
        sys.stderr.write("\r\033[K")
        sys.stderr.flush()


class _TqdmBar:
    """A bar of tqdm."""

    def __init__(self, tqdm: Any) -> None:
        self._bar = tqdm(total=1.0, leave=False, bar_format="{desc}: {percentage:3.0f}% |{bar}|")

    def update(self, step: str, done: float) -> None:
        self._bar.set_description_str(f"winnow: {step}", refresh=False)
        self._bar.n = done
        self._bar.update(0)

    def close(self) -> None:
        self._bar.close()


def _make_bar() -> _PlainBar | _TqdmBar:
    try:
        from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        return _PlainBar()
    return _TqdmBar(tqdm)
