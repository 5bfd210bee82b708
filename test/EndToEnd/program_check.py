"""Compiles random programs, runs them, and compares with the interpreter."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from artifact import Artifact, ArtifactError
from interpreter import Call, InterpreterError, interpret
from program_generator import regime_of
from program_ir import Decoded, Dims, Op, Param
from program_taps import read_taps, tapped_type
from program_text import Program
from programs import Programs

# Runs an entry point of the module: its name, inputs and results.
Invoke = Callable[[str, list[np.ndarray], list[np.ndarray]], None]
# Op, variant, encoding, regime of rows.
Key = tuple[str, str, str, str]
# To compile a program that is one of many, on a machine that has more to do.
SECONDS = 10


@dataclass(frozen=True)
class Variant:
    """How programs are compiled."""

    target: str
    activations: str

    @property
    def options(self) -> tuple[str, ...]:
        """Of winnow-compile."""
        return (
            f"--target-cpu={self.target}",
            f"--activations={self.activations}",
            "--quiet",
            "--threads=1",
        )

    def __str__(self) -> str:
        return f"{self.target}, {self.activations}"


@dataclass(frozen=True)
class Failure:
    """What went wrong with a program."""

    seed: int
    variant: Variant
    # What stays the same when the program shrinks, and the rest.
    cause: str
    detail: str = ""

    def __str__(self) -> str:
        detail = f": {self.detail}" if self.detail else ""
        return f"seed {self.seed} ({self.variant}): {self.cause}{detail}"


@dataclass
class Outcome:
    """What a run of many programs found."""

    programs: int = 0
    # Programs run by variant.
    variants: Counter[Variant] = field(default_factory=Counter)
    coverage: Counter[Key] = field(default_factory=Counter)
    # The largest error in units of its bound, by op and encoding.
    worst: dict[tuple[str, str], float] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Adds what another run found."""
        self.programs += other.programs
        self.variants += other.variants
        self.coverage += other.coverage
        self.failures += other.failures
        for key, ratio in other.worst.items():
            self.worst[key] = max(self.worst.get(key, 0), ratio)

    def fail(self, program: Program, variant: Variant, cause: str, detail: str = "") -> None:
        """Records a failure."""
        self.failures.append(Failure(program.seed, variant, cause, detail))


def write_module(programs: Sequence[Program]) -> str:
    """All entry points and params."""
    lines = [param.declaration for program in programs for param in program.params]
    for program in programs:
        lines += [program.write_tapped_entry(), program.write_fused_entry()]
    return "\n".join(lines)


def write_check_module(programs: Sequence[Program]) -> str:
    """The functions for the interpreter, and one for each param that decodes
    it."""
    lines = []
    for program in programs:
        lines.append(program.write_check())
        for param in program.params:
            lines += [param.declaration, write_decoder(param)]
    return "\n".join(lines)


def write_decoder(param: Param) -> str:
    """A function that returns the numbers of a param."""
    return f"""func.func @decode_{param.name}() -> {param.plain_type} {{
  %stored = winnow.use @{param.name} : {param.type}
  %numbers = winnow.recode %stored : {param.type} -> {param.plain_type}
  return %numbers : {param.plain_type}
}}"""


@dataclass
class Run:
    """One call of a program and its compiled results."""

    program: Program
    number: int
    dims: Dims
    inputs: list[np.ndarray]
    results: list[np.ndarray]


def run_compiled(
    programs: Sequence[Program], tapped: Invoke, fused: Invoke, variant: Variant, outcome: Outcome
) -> list[Run]:
    """Calls every program in both forms and compares these."""
    runs = []
    for program in programs:
        rng = np.random.default_rng([program.seed, 1])
        past = 0
        for number, dims in enumerate(program.calls):
            inputs = program.make_inputs(rng, dims, past)
            past += dims["T"]
            # Whatever is not written stays a NaN.
            results, last = (
                [np.full(tapped_type(v).resolve(dims), np.nan, np.float32) for v in values]
                for values in (program.all_values, program.last_values)
            )
            try:
                tapped(program.name, inputs, results)
                fused(f"{program.name}_fused", inputs, last)
            except ArtifactError as error:
                outcome.fail(
                    program, variant, f"fails with {error.status.name}", f"{error}; {dims}"
                )
                break
            for one, other in zip(results[len(results) - len(last) :], last, strict=True):
                if not np.array_equal(one.view(np.int32), other.view(np.int32)):
                    outcome.fail(program, variant, "the fused form gives other bits", f"{dims}")
                    break
            try:
                results = read_taps(program.all_values, program.origins, results)
            except ValueError as error:
                outcome.fail(program, variant, "rows of tokens that are gone", f"{error}; {dims}")
                break
            runs.append(Run(program, number, dims, inputs, results))
    return runs


# Keys and values by the names of program and cache.
Stored = dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]


def append(stored: Stored, key: tuple[str, str], inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Puts keys and values of all calls so far in place of those of one."""
    query, *new = inputs[:3]
    old = stored.get(key, [array[:0] for array in new])
    stored[key] = tuple(np.concatenate(pair) for pair in zip(old, new, strict=True))
    return [query, *stored[key], *inputs[3:]]


def compare(
    run: Run,
    expected: list[np.ndarray],
    decoded: Decoded,
    stored: Stored,
    variant: Variant,
    outcome: Outcome,
) -> None:
    """Compares the results of each op with those of the interpreter."""
    program = run.program
    values = {a.value.name: x for a, x in zip(program.arguments, run.inputs, strict=True)}
    reference = {v.name: x for v, x in zip(program.all_values, expected, strict=True)}
    values |= {v.name: x for v, x in zip(program.all_values, run.results, strict=True)}
    for position, op in enumerate(program.ops):
        regime = regime_of(len(values[op.outputs[0].name]))
        outcome.coverage[op.kind, op.variant, op.encoding, regime] += 1
        for feature in op.features:
            outcome.coverage[op.kind, f"(any) with {feature}", "-", regime] += 1
        wanted = [reference[value.name] for value in op.outputs]
        inputs = [values[value.name] for value in op.inputs]
        if op.cache:
            inputs = append(stored, (program.name, op.cache.name), inputs)
        bounds = op.bound(inputs, wanted, decoded)
        if op.oracle:
            told = zip(wanted, op.oracle(inputs), bounds, strict=True)
            if not all(worst_ratio(*arrays) <= 1 for arrays in told):
                cause = f"{op.kind} of the interpreter is out of bounds"
                outcome.fail(program, variant, cause, f"op {position}: {describe(op)}; {run.dims}")
                return
        for value, want, bound in zip(op.outputs, wanted, bounds, strict=True):
            ratio = worst_ratio(values[value.name], want, bound)
            key = (op.kind, op.encoding)
            outcome.worst[key] = max(outcome.worst.get(key, 0), ratio)
            if not ratio <= 1:
                outcome.fail(
                    program,
                    variant,
                    f"{op.kind} is out of bounds",
                    f"op {position}: {describe(op)}: %{value.name} is off by {ratio:.3g} of its "
                    f"bound; {run.dims}",
                )
                return


def worst_ratio(actual: np.ndarray, expected: np.ndarray, bound: np.ndarray | float) -> float:
    """The largest error in units of the bound; infinite for a NaN, for another
    shape, or where a difference is not allowed."""
    if actual.shape != expected.shape:
        return np.inf
    same = (actual == expected) | (np.isnan(actual) & np.isnan(expected))
    same |= np.isinf(bound) & ~np.isnan(actual)
    with np.errstate(all="ignore"):
        ratio = np.abs(actual.astype(np.float64) - expected) / bound
    ratio = np.where(same, 0.0, np.where(np.isnan(ratio), np.inf, ratio))
    return float(ratio.max(initial=0.0))


def describe(op: Op) -> str:
    """An op in one line."""
    parts = (op.kind, op.variant, op.encoding, *op.features)
    return " ".join(part for part in parts if part != "-")


def check(
    winnow_opt: Path,
    programs: Sequence[Program],
    runs: list[Run],
    folder: Path,
    variant: Variant,
    outcome: Outcome,
) -> None:
    """Runs the interpreter on what compiled code computed."""
    by_name = {program.name: program for program in programs}
    runs = [replace(run, program=by_name[run.program.name]) for run in runs]
    params = [param for program in programs for param in program.params]
    calls: list[Call | None] = [Call(f"decode_{param.name}", {}) for param in params]
    for run in runs:
        names = [argument.value.name for argument in run.program.arguments]
        names += [f"{value.name}_given" for value in run.program.all_values]
        arguments = dict(zip(names, [*run.inputs, *run.results], strict=True))
        calls.append(Call(run.program.name, arguments))
    try:
        found = interpret(winnow_opt, write_check_module(programs), calls, folder)
    except InterpreterError as error:
        if len(programs) == 1:
            outcome.fail(programs[0], variant, "the interpreter refuses", f"{error}")
            return
        # All of one program's calls are neighbours.
        for half in halves(programs):
            names = {program.name for program in half}
            own = [run for run in runs if run.program.name in names]
            check(winnow_opt, half, own, folder / half[0].name, variant, outcome)
        return
    decoded = {param.name: x for param, [x] in zip(params, found, strict=False)}
    stored: Stored = {}
    for run, expected in zip(runs, found[len(params) :], strict=True):
        compare(run, expected, decoded, stored, variant, outcome)


def halves(programs: Sequence[Program]) -> list[Sequence[Program]]:
    """The programs in two parts."""
    middle = len(programs) // 2
    return [programs[:middle], programs[middle:]]


def compile_and_run(
    directory: Programs,
    programs: Sequence[Program],
    folder: Path,
    variant: Variant,
    outcome: Outcome,
) -> list[Run]:
    """Calls of all programs; halves them until one that does not compile is
    alone."""
    folder.mkdir(parents=True)
    module = folder / "programs.mlir"
    module.write_text(write_module(programs))
    name = folder / "programs"
    command = ("winnow-compile", module, "-o", name, *variant.options)
    try:
        finished = directory.execute(*command, timeout=600 + SECONDS * len(programs))
        succeeds, message = finished.returncode == 0, finished.stderr.strip()
    except subprocess.TimeoutExpired as error:
        succeeds, message = False, f"error: more than {error.timeout:.0f} seconds"
    if succeeds:
        with (
            Artifact(name) as artifact,
            artifact.session(threads=1) as one,
            artifact.session(threads=2) as two,
        ):
            return run_compiled(programs, one.invoke, two.invoke, variant, outcome)
    if len(programs) == 1:
        outcome.fail(programs[0], variant, f"does not compile{gist(message)}", message)
        return []
    runs = []
    for half in halves(programs):
        runs += compile_and_run(directory, half, folder / half[0].name, variant, outcome)
    return runs


def gist(message: str) -> str:
    """The first error of a message without what differs between programs."""
    error = re.search(r"error: .*", message)
    return ": " + re.sub(r"[@%'<(]\S*|\S*\d\S*", "", error[0])[:60] if error else ""


def compare_targets(first: list[Run], other: list[Run], variant: Variant, outcome: Outcome) -> None:
    """All targets give the same bits."""
    known = {(run.program.name, run.number): run for run in first}
    failed = set()
    for run in other:
        expected = known.get((run.program.name, run.number))
        if expected is None or run.program.name in failed:
            continue
        pairs = zip(run.program.all_values, run.results, expected.results, strict=True)
        for value, one, two in pairs:
            if not np.array_equal(one.view(np.int32), two.view(np.int32)):
                op = next(op for op in run.program.ops if value in op.outputs)
                outcome.fail(
                    run.program,
                    variant,
                    f"{op.kind} gives other bits than the first target",
                    f"{describe(op)}: %{value.name}; {run.dims}",
                )
                failed.add(run.program.name)
                break


def test_batch(
    directory: Programs, programs: Sequence[Program], variants: Sequence[Variant], folder: Path
) -> Outcome:
    """Compiles, runs and checks programs. The first of `variants` is compared
    with the interpreter, the others with the first."""
    outcome = Outcome(programs=len(programs))
    winnow_opt = directory.directory / "winnow-opt"
    first = None
    for number, variant in enumerate(variants):
        outcome.variants[variant] += len(programs)
        place = folder / f"variant{number}"
        runs = compile_and_run(directory, programs, place, variant, outcome)
        if first is None:
            first = runs
            expected = programs
            if variant.activations == "auto":
                expected = [program.with_rounding for program in programs]
            check(winnow_opt, expected, runs, folder / "check", variant, outcome)
        else:
            compare_targets(first, runs, variant, outcome)
    return outcome
