"""Where the time of a session goes."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from winnow._artifact_api import PROFILER, function
from winnow.errors import InvalidArgumentError

if TYPE_CHECKING:
    from winnow.session import Session


@dataclass
class StageProfile:
    """A stage of an entry point: what lies between two barriers of its threads.

    `bytes` are those of weights and caches, and `operations` count an addition
    and a multiplication each, as the manifest says of the stage; both are sums
    over all calls, like `seconds`.
    """

    entry: str
    number: int
    """Its place in the entry point."""
    name: str
    """The operation that it computes, if that has a name."""
    kernels: tuple[str, ...]
    weights: tuple[str, ...]
    """Names in the checkpoint of what it reads."""
    calls: int = 0
    seconds: float = 0
    bytes: float = 0
    operations: float = 0


@dataclass
class _Entry:
    dimensions: int
    stages: list[StageProfile]
    costs: list[list[dict[str, Any]]]


@dataclass
class _Running:
    """The call that the session's first thread is in."""

    entry: _Entry | None = None
    dims: tuple[int, ...] = ()
    past: int = 0
    stage: StageProfile | None = None
    begin: float = 0
    end: float = 0


@dataclass
class Profile:
    """What calls of a session spend, stage by stage; see `Session.profile`.

    Printed, it is a table of kernels, those that took longest first.
    """

    session: Session
    stages: list[StageProfile] = field(default_factory=list, init=False)
    """All stages of the artifact, by entry point and in the order in which they run."""

    def __post_init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._running = _Running()
        for described in self.session.artifact.manifest.get("entries", []):
            name = described["name"]
            # Artifacts of older compilers describe no stages.
            entry = _Entry(len(described.get("dims", ())), [], [])
            for number, stage in enumerate(described.get("stages", ())):
                kernels, weights = tuple(stage["kernels"]), tuple(stage["weights"])
                entry.stages.append(StageProfile(name, number, stage["name"], kernels, weights))
                entry.costs.append(stage["costs"])
            self._entries[name] = entry
            self.stages += entry.stages

    def __enter__(self) -> Profile:
        if self.session._profiler is not None:
            raise InvalidArgumentError("the session is profiled already")
        callback = PROFILER(self._notice)
        self._set(callback)
        # As long as the session calls it.
        self.session._profiler = callback
        return self

    def __exit__(self, *_: object) -> None:
        if not self.session.closed:
            self._set(PROFILER())
        self.session._profiler = None
        self._close(self._running.end)

    def _set(self, callback: Any) -> None:
        self.session._call(function(self.session._api, "set_profiler"), callback, None)

    def _notice(self, _: Any, pointer: Any) -> None:
        # Threads go from stage to stage together, so that the first tells for all.
        stage = pointer.contents
        if stage.thread != 0:
            return
        now = time.perf_counter()
        running = self._running
        if stage.leaves:
            running.end = now
            return
        # Between two calls no stage runs.
        self._close(running.end if stage.stage == 0 else now)
        if stage.stage == 0:
            running.entry = self._entries.get(stage.entry.decode())
            count = running.entry.dimensions if running.entry else 0
            running.dims, running.past = tuple(stage.dims[:count]), stage.past
        if running.entry and stage.stage < len(running.entry.stages):
            running.stage = running.entry.stages[stage.stage]
            running.begin = now

    def _close(self, end: float) -> None:
        """Counts the stage that ran until now."""
        running = self._running
        stage, running.stage = running.stage, None
        if stage is None or running.entry is None:
            return
        stage.calls += 1
        stage.seconds += end - running.begin
        for cost in running.entry.costs[stage.number]:
            rows = _dimension(running.dims, cost["rows"], 1)
            keys = _dimension(running.dims, cost["keys"], 0)
            keys += running.past if cost["past"] else 0
            seen = min(keys, cost["window"]) if cost["window"] else keys
            stage.operations += _polynomial(cost["operations"], rows, rows * seen)
            stage.bytes += _polynomial(cost["bytes"], rows, keys)

    def kernels(self) -> list[StageProfile]:
        """Sums of stages of one entry point with the same kernels, longest first."""
        sums: dict[tuple[str, ...], StageProfile] = {}
        for stage in self.stages:
            key = (stage.entry, *stage.kernels)
            added = sums.setdefault(key, StageProfile(stage.entry, -1, "", stage.kernels, ()))
            for number in ("calls", "seconds", "bytes", "operations"):
                setattr(added, number, getattr(added, number) + getattr(stage, number))
        called = [stage for stage in sums.values() if stage.calls]
        return sorted(called, key=lambda stage: stage.seconds, reverse=True)

    def __str__(self) -> str:
        total = sum(stage.seconds for stage in self.stages) or 1.0
        lines = [f"{'calls':>7} {'ms':>10} {'time':>6} {'GB/s':>7} {'Gop/s':>8}  kernels"]
        for stage in self.kernels():
            names = " + ".join(
                name if count == 1 else f"{name} x{count}"
                for name, count in Counter(stage.kernels).items()
            )
            lines.append(
                f"{stage.calls:7} {stage.seconds * 1e3:10.3f} {stage.seconds / total:6.1%} "
                f"{stage.bytes / stage.seconds / 1e9:7.2f} "
                f"{stage.operations / stage.seconds / 1e9:8.2f}  "
                f"{stage.entry}: {names or 'end'}"
            )
        return "\n".join(lines)


def _dimension(dims: tuple[int, ...], index: int, otherwise: int) -> int:
    return dims[index] if 0 <= index < len(dims) else otherwise


def _polynomial(factors: list[float], first: float, second: float) -> float:
    return factors[0] + factors[1] * first + factors[2] * second
