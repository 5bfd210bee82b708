"""Random programs: compiled code against the reference interpreter.

    random_programs.py --build BUILD [--programs 1000] [--seed 0]
    random_programs.py --build BUILD --reduce --seed SEED

Each program runs compiled, once with every intermediate value as a result and
once fused, with another number of threads; both must agree bit for bit. Then
the interpreter computes every op from the values that compiled code gave it, so
that errors do not add up along the program, and each result must be within the
bound of its op.

Programs of neighbouring seeds are compiled together, for a target and a mode of
activations that their seeds choose; some for all targets, whose results must
have the same bits. --target-cpu and --activations choose for all.

A failure names the seed. --reduce shrinks that program as long as it fails in
the same way, and prints what is left. At the end comes a table of what was
covered: op, variant (mask, kind), encoding, and regime of rows.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "python"))

from program_batch import ACTIVATIONS, Settings, Worker, make_batches
from program_check import Outcome
from program_generator import REGIMES
from program_reduce import describe_program, reduce_program


def run_programs(
    build: Path,
    seeds: Sequence[int],
    settings: Settings,
    report: Callable[[Outcome], None] = lambda _: None,
) -> Outcome:
    """Tests programs, as many batches at a time as there are processors; gives
    what was found so far to `report` after each."""
    batches = make_batches(seeds, settings)
    worker, total = Worker(), Outcome()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for outcome in pool.map(lambda batch: worker.run(batch, build), batches):
            total.add(outcome)
            for failure in outcome.failures:
                print(failure, file=sys.stderr, flush=True)
            report(total)
    return total


def print_report(outcome: Outcome) -> None:
    """Prints what was covered and how close to their bounds ops came."""
    rows: dict[tuple[str, str, str], Counter[str]] = {}
    for (kind, variant, encoding, regime), count in outcome.coverage.items():
        rows.setdefault((kind, variant, encoding), Counter())[regime] = count
    heading = " ".join(f"{regime:>6}" for regime in REGIMES)
    print(f"{'op':18} {'variant':32} {'encoding':15} {heading}  calls by rows")
    for (kind, variant, encoding), counts in sorted(rows.items()):
        cells = " ".join(f"{counts[regime]:6}" for regime in REGIMES)
        print(f"{kind:18} {variant:32} {encoding:15} {cells}")
    print("\nlargest error, in units of the bound")
    for (kind, encoding), ratio in sorted(outcome.worst.items()):
        print(f"{kind:18} {encoding:15} {ratio:.3f}")
    print("\nprograms by target and activations")
    for variant, count in sorted(outcome.variants.items(), key=str):
        print(f"{variant!s:18} {count}")


def reduce(build: Path, seed: int, settings: Settings) -> int:
    """Shrinks the program of a seed and prints it; fails if it does not fail."""
    found = reduce_program(build, seed, settings)
    if found is None:
        print(f"seed {seed} does not fail", file=sys.stderr)
        return 1
    program, failure = found
    print(describe_program(program, failure))
    return 0


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, required=True, help="the build folder to test")
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first program")
    parser.add_argument("--target-cpu", help="one target for all programs")
    parser.add_argument("--activations", choices=ACTIVATIONS, help="one mode for all programs")
    parser.add_argument("--reduce", action="store_true", help="shrink the program of --seed")
    return parser.parse_args(arguments)


def main() -> int:
    arguments = parse_arguments()
    build = arguments.build.resolve()
    settings = Settings(arguments.target_cpu, arguments.activations)
    if arguments.reduce:
        return reduce(build, arguments.seed, settings)
    start = time.monotonic()

    def progress(outcome: Outcome) -> None:
        seconds = time.monotonic() - start
        print(
            f"{outcome.programs} programs, {len(outcome.failures)} failures, {seconds:.0f} s",
            file=sys.stderr,
            flush=True,
        )

    seeds = range(arguments.seed, arguments.seed + arguments.programs)
    outcome = run_programs(build, seeds, settings, progress)
    print_report(outcome)
    print(
        f"\n{outcome.programs} programs from seed {arguments.seed}, "
        f"{len(outcome.failures)} failures, {time.monotonic() - start:.0f} s"
    )
    return 1 if outcome.failures or outcome.programs != arguments.programs else 0


if __name__ == "__main__":
    sys.exit(main())
