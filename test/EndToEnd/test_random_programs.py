"""Random programs, compiled and interpreted (see random_programs.py)."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import program_check
from program_batch import Batch, Recipe, Settings, make_batches
from program_check import Failure, Variant
from program_choices import SHARE
from program_generator import generate
from program_palette import SEEDS
from program_reduce import Reducer, describe_program
from programs import Programs
from random_programs import print_report, run_programs

ROOT = Path(__file__).resolve().parents[2]
# Every target with and without rounded activations; the last one has one
# palette on all targets.
PALETTES = {0: 50, 1: 50, 2: 50, 3: 50, 4: 50, 5: 30, 15: 20}
# Twenty thousand: random_programs.py --build BUILD --programs 20000
SAMPLE = [palette * SEEDS + i for palette, count in PALETTES.items() for i in range(count)]


def test_programs(programs: Programs) -> None:
    """Some programs of several palettes."""
    outcome = run_programs(programs.directory.parent, SAMPLE, Settings())
    print_report(outcome)
    assert not outcome.failures, "\n".join(map(str, outcome.failures))
    assert outcome.programs == len(SAMPLE) == 300
    assert len(outcome.variants) == 6 or "avx512f" not in Path("/proc/cpuinfo").read_text()


def test_command(programs: Programs) -> None:
    """The command by itself, outside of pytest."""

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        script = ROOT / "test/EndToEnd/random_programs.py"
        command = [sys.executable, script, f"--build={programs.directory.parent}", *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    finished = run("--programs=2", "--seed=2400", "--target-cpu=x86-64-v3", "--activations=auto")
    assert finished.returncode == 0, finished.stderr
    assert "x86-64-v3, auto    2" in finished.stdout
    assert "2 programs from seed 2400, 0 failures" in finished.stdout
    finished = run("--reduce", "--seed=2400")
    assert (finished.returncode, finished.stderr) == (1, "seed 2400 does not fail\n")


@pytest.mark.parametrize("seed", [6979, 11858])
def test_norms_of_numbers_near_zero(seed: int, programs: Programs) -> None:
    """Their bound was relative alone, but results below 2^-126 have fewer bits."""
    settings = Settings(target="host", activations="auto")
    outcome = run_programs(programs.directory.parent, [seed], settings)
    assert not outcome.failures, "\n".join(map(str, outcome.failures))


def test_generates_every_op(programs: Programs, tmp_path: Path) -> None:
    """What is new in the dialect or in the table of formats has to be generated,
    too."""
    tables = "".join(path.read_text() for path in (ROOT / "dialects/winnow").glob("*.td"))
    ops = set(re.findall(r'^def \w+Op : \w+<"(\w+)"', tables, re.MULTILINE))
    cases = set(re.findall(r'I32EnumAttrCase<"\w+", \d+, "(\w+)">', tables)) - {"none"}
    # Taps compute nothing; test_calibrate.py has them.
    ops -= {"observe"}
    cases -= {"channels", "gram", "similarity"}
    # Not generated; test_token_pruning.py compares them with NumPy.
    ops -= {"token_match", "token_merge", "token_restore"}
    assert len(ops) >= 16 and len(cases) >= 20
    message = programs.failure(
        "winnow-compile", tmp_path / "none.mlir", "-o", tmp_path / "none", "--weights=unknown"
    )
    formats = set(re.findall(r"\w+(?=,)", message)) - {"keep"}
    assert len(formats) >= 20
    words: Counter[str] = Counter()
    for seed in range(0, 60 * SEEDS, 40):
        words.update(re.findall(r"\w+", program_check.write_module([generate(seed)[0]])))
    assert not [word for word in ops | cases | formats if words[word] < 5]


def test_seed_reproduces() -> None:
    """The same seed, or its choices, give the same program."""
    for seed in range(50):
        program, choices, palette = generate(seed)
        again, _, _ = generate(seed, choices.made, palette.made)
        assert program_check.write_module([again]) == program_check.write_module([program])
        assert again.calls == program.calls


def test_batches_hold_one_palette() -> None:
    """Neither a palette nor a variant is mixed with another."""
    batches = make_batches(range(SEEDS - 3, SEEDS + 2), Settings())
    assert [[recipe.seed for recipe in batch.recipes] for batch in batches] == [
        [SEEDS - 3, SEEDS - 2, SEEDS - 1],
        [SEEDS, SEEDS + 1],
    ]
    [batch] = make_batches([3], Settings("x86-64-v3", "auto"))
    assert batch.variants == (Variant("x86-64-v3", "auto"),)


def test_reduces_to_one_op() -> None:
    """Whatever else a program has goes; what the failure needs stays."""

    def fail(recipe: Recipe) -> Failure | None:
        program = recipe.build()
        ops = [op for op in program.ops if op.kind == "cached_attention" and op.variant == "grid"]
        large = any(dims["T"] >= 5 for dims in program.calls)
        return Failure(recipe.seed, Variant("host", "f32"), "found") if ops and large else None

    seed = next(seed for seed in range(10 * SEEDS) if fail(Recipe(seed)))
    reducer = Reducer(seed, fail)
    reducer.reduce()
    program = reducer.best.build()
    [op] = program.ops
    assert (op.kind, op.variant) == ("cached_attention", "grid")
    assert program.calls == [{"T": 5, "S": 0, "R": 0, "P": 0}]
    query = op.inputs[0].type
    assert query.shape == ("T", 1, 4)


def test_reduces_wrong_code(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compiled code with a fault, here another function, is found and shrunk."""
    write_module = program_check.write_module
    monkeypatch.setattr(
        program_check,
        "write_module",
        lambda given: write_module(given).replace("math.erf", "math.tanh"),
    )
    build, tests = programs.directory.parent, []

    def test(recipe: Recipe) -> Failure | None:
        tests.append(recipe)
        outcome = Batch((recipe,), (Variant("x86-64-v3", "f32"),)).run(build)
        return outcome.failures[0] if outcome.failures else None

    faulty = (seed for seed in range(1000) if "math.erf" in write_module([generate(seed)[0]]))
    seed = max((next(faulty) for _ in range(5)), key=lambda seed: len(generate(seed)[0].ops))
    reducer = Reducer(seed, test)
    reducer.reduce()
    assert reducer.failure and reducer.failure.cause == "map is out of bounds"
    program = reducer.best.build()
    [op] = program.ops
    assert (op.kind, op.variant) == ("map", "gelu_erf")
    [dims] = program.calls
    assert dims["T"] == 1
    text = describe_program(program, reducer.failure)
    print(len(tests), text)
    assert f"seed {seed} (x86-64-v3, f32): map is out of bounds" in text
    assert "linalg.map ins(" in text


@pytest.mark.parametrize("side", ["compiled", "both"])
def test_finds_wrong_choices(
    side: str, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of the two that choose other tokens is found by the other, both are by
    NumPy."""
    right, wrong = "rounding = up", "rounding = down"

    def suits(seed: int) -> bool:
        """Whether the other rounding matters, and for the choice alone."""
        program = generate(seed)[0]
        text = program.write_fused_entry()
        policy = f"<keep = 0.5 : f64, {right}, first = 0, last = 0>"
        odd = any(dims["T"] % 2 for dims in program.calls)
        return odd and policy in text and "of %segments" not in text and "%ranks" not in text

    faulty = ["write_module"] + (["write_check_module"] if side == "both" else [])
    for name in faulty:
        write = getattr(program_check, name)
        monkeypatch.setattr(
            program_check,
            name,
            lambda given, write=write: write(given).replace(right, wrong),
        )
    seed = next(seed for seed in range(3, 20000, SHARE) if suits(seed))
    batch = Batch((Recipe(seed),), (Variant("x86-64-v3", "f32"),))
    failures = batch.run(programs.directory.parent).failures
    who = "token_select of the interpreter" if side == "both" else "token_select"
    assert {failure.cause for failure in failures} == {f"{who} is out of bounds"}
