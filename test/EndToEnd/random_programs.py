"""Random programs: compiled code against the reference interpreter.

    random_programs.py --build BUILD [--programs 1000] [--seed 0] [--target-cpu host]

Each program runs compiled, once with every intermediate value as a result and
once fused, with another number of threads; both must agree bit for bit. Then
the interpreter computes every op from the values that compiled code gave it, so
that errors do not add up along the program, and each result must be within the
bound of its op. Failures name the program's seed; `--programs 1 --seed SEED`
runs that one alone and leaves its files. At the end comes a table of what was
covered: op, variant (mask, kind), encoding, and regime of rows.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from artifact import Artifact, ArtifactError
from interpreter import Call, InterpreterError, interpret
from program_generator import REGIMES, generate, regime_of
from program_ir import Decoded, Dims, Op, Param, Program
from programs import Programs

# Programs in one module: enough for compiling to be cheap, few enough for a
# failure to be found fast.
BATCH = 50
ORDERS = (
    ("few", "one", "many"),
    ("many", "one"),
    ("one", "few"),
    ("one", "many"),
    ("none", "few"),
)

Key = tuple[str, str, str, str]
# Runs an entry point of the module: its name, inputs and results.
Invoke = Callable[[str, list[np.ndarray], list[np.ndarray]], None]


@dataclass
class Outcome:
    """What a run of many programs found."""

    programs: int = 0
    coverage: Counter[Key] = field(default_factory=Counter)
    # The largest error in units of its bound, by op and encoding.
    worst: dict[tuple[str, str], float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Adds what another run found."""
        self.programs += other.programs
        self.coverage += other.coverage
        self.failures += other.failures
        for key, ratio in other.worst.items():
            self.worst[key] = max(self.worst.get(key, 0), ratio)

    def fail(self, program: Program, what: str) -> None:
        """Records a failure."""
        self.failures.append(f"seed {program.seed}: {what}")
        print(self.failures[-1], file=sys.stderr, flush=True)


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
    dims: Dims
    inputs: list[np.ndarray]
    results: list[np.ndarray]


def run_compiled(
    programs: Sequence[Program], tapped: Invoke, fused: Invoke, outcome: Outcome
) -> list[Run]:
    """Calls every program in both forms and compares these."""
    runs = []
    for program in programs:
        rng = np.random.default_rng([program.seed, 1])
        past = 0
        for dims in program.calls:
            inputs = program.make_inputs(rng, dims, past)
            past += dims["T"]
            # Whatever is not written stays a NaN.
            results, last = (
                [np.full(v.type.resolve(dims), np.nan, np.float32) for v in values]
                for values in (program.all_values, program.last_values)
            )
            try:
                tapped(program.name, inputs, results)
                fused(f"{program.name}_fused", inputs, last)
            except ArtifactError as error:
                outcome.fail(program, f"{dims}: {error}")
                break
            for one, other in zip(results[len(results) - len(last) :], last, strict=True):
                if not np.array_equal(one.view(np.int32), other.view(np.int32)):
                    outcome.fail(program, f"{dims}: the fused form gives other bits")
                    break
            runs.append(Run(program, dims, inputs, results))
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
    run: Run, expected: list[np.ndarray], decoded: Decoded, stored: Stored, outcome: Outcome
) -> None:
    """Compares the results of each op with those of the interpreter."""
    program = run.program
    values = {a.value.name: x for a, x in zip(program.arguments, run.inputs, strict=True)}
    names = [value.name for value in program.all_values]
    values |= dict(zip(names, run.results, strict=True))
    reference = dict(zip(names, expected, strict=True))
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
        for value, want, bound in zip(op.outputs, wanted, bounds, strict=True):
            ratio = worst_ratio(values[value.name], want, bound)
            key = (op.kind, op.encoding)
            outcome.worst[key] = max(outcome.worst.get(key, 0), ratio)
            if not ratio <= 1:
                outcome.fail(
                    program,
                    f"op {position}: {describe(op)} with {run.dims}: %{value.name} is off by "
                    f"{ratio:.3g} of its bound",
                )
                return


def worst_ratio(actual: np.ndarray, expected: np.ndarray, bound: np.ndarray | float) -> float:
    """The largest error in units of the bound; infinite for a NaN or where a
    difference is not allowed."""
    same = (actual == expected) | (np.isnan(actual) & np.isnan(expected))
    with np.errstate(all="ignore"):
        ratio = np.abs(actual.astype(np.float64) - expected) / bound
    ratio = np.where(same, 0.0, np.where(np.isnan(ratio), np.inf, ratio))
    return float(ratio.max(initial=0.0))


def describe(op: Op) -> str:
    """An op in one line."""
    parts = (op.kind, op.variant, op.encoding, *op.features)
    return " ".join(part for part in parts if part != "-")


def check(
    winnow_opt: Path, programs: Sequence[Program], runs: list[Run], folder: Path, outcome: Outcome
) -> None:
    """Runs the interpreter on what compiled code computed."""
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
        outcome.fail(programs[0], f"(to {programs[-1].seed}) the interpreter refuses: {error}")
        return
    decoded = {param.name: x for param, [x] in zip(params, found, strict=False)}
    stored: Stored = {}
    for run, expected in zip(runs, found[len(params) :], strict=True):
        compare(run, expected, decoded, stored, outcome)
    outcome.programs += len(programs)


def test_batch(
    directory: Programs,
    programs: Sequence[Program],
    folder: Path,
    options: Sequence[str],
    outcome: Outcome,
) -> None:
    """Compiles, runs and checks programs; halves them until the one that does
    not compile is alone."""
    folder.mkdir(parents=True)
    module = folder / "programs.mlir"
    module.write_text(write_module(programs))
    name = folder / "programs"
    finished = directory.execute("winnow-compile", module, "-o", name, *options)
    if finished.returncode != 0:
        if len(programs) == 1:
            outcome.fail(programs[0], f"does not compile: {finished.stderr.strip()}")
            return
        for first, last in pairwise((0, len(programs) // 2, len(programs))):
            test_batch(directory, programs[first:last], folder / f"{first}", options, outcome)
        return
    with (
        Artifact(name) as artifact,
        artifact.session(threads=1) as one,
        artifact.session(threads=2) as two,
    ):
        runs = run_compiled(programs, one.invoke, two.invoke, outcome)
    check(directory.directory / "winnow-opt", programs, runs, folder / "check", outcome)


def make_programs(first_seed: int, count: int) -> list[Program]:
    """Programs of consecutive seeds."""
    seeds = range(first_seed, first_seed + count)
    return [generate(f"p{seed}", seed, ORDERS[seed % len(ORDERS)]) for seed in seeds]


def run_programs(
    directory: Programs, first_seed: int, count: int, folder: Path, options: Sequence[str]
) -> Outcome:
    """Tests programs in batches, as many at a time as there are processors."""
    programs = make_programs(first_seed, count)

    def test(start: int) -> Outcome:
        outcome = Outcome()
        batch = programs[start : start + BATCH]
        test_batch(directory, batch, folder / f"batch{start}", options, outcome)
        return outcome

    total = Outcome()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for outcome in pool.map(test, range(0, count, BATCH)):
            total.add(outcome)
    return total


def print_report(outcome: Outcome) -> None:
    """Prints what was covered and how close to their bounds ops came."""
    rows: dict[tuple[str, str, str], Counter[str]] = {}
    for (kind, variant, encoding, regime), count in outcome.coverage.items():
        rows.setdefault((kind, variant, encoding), Counter())[regime] = count
    heading = " ".join(f"{regime:>6}" for regime in REGIMES)
    print(f"{'op':18} {'variant':32} {'encoding':12} {heading}  calls by rows")
    for (kind, variant, encoding), counts in sorted(rows.items()):
        cells = " ".join(f"{counts[regime]:6}" for regime in REGIMES)
        print(f"{kind:18} {variant:32} {encoding:12} {cells}")
    print("\nlargest error, in units of the bound")
    for (kind, encoding), ratio in sorted(outcome.worst.items()):
        print(f"{kind:18} {encoding:14} {ratio:.3f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, required=True, help="the build folder to test")
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first program")
    parser.add_argument("--target-cpu", default="host")
    parser.add_argument("--keep", type=Path, help="leave all files in this new folder")
    arguments = parser.parse_args()
    directory = Programs(arguments.build.resolve() / "bin")
    # Programs say themselves where activations are rounded.
    options = ("--activations=f32", f"--target-cpu={arguments.target_cpu}", "--quiet")
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        outcome = run_programs(directory, arguments.seed, arguments.programs, folder, options)
    print_report(outcome)
    print(
        f"\n{outcome.programs} programs for {arguments.target_cpu} from seed {arguments.seed}, "
        f"{len(outcome.failures)} failures, {time.monotonic() - start:.0f} s"
    )
    return 1 if outcome.failures or outcome.programs != arguments.programs else 0


if __name__ == "__main__":
    sys.exit(main())
