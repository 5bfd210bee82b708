"""Random programs, compiled and interpreted (see random_programs.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from programs import Programs
from random_programs import print_report, run_programs

FAST_PROGRAMS = 20
# A thousand: random_programs.py --build BUILD --programs 1000 --target-cpu CPU
MANY_PROGRAMS = 100


def check(programs: Programs, folder: Path, target: str, first_seed: int, count: int) -> None:
    """Runs programs for one target."""
    if not (programs.directory / "winnow-opt").exists():
        pytest.fail("winnow-opt is not built")
    options = ("--activations=f32", f"--target-cpu={target}", "--quiet")
    outcome = run_programs(programs, first_seed, count, folder, options)
    print_report(outcome)
    assert not outcome.failures, "\n".join(outcome.failures)
    assert outcome.programs == count


def test_some_programs(programs: Programs, tmp_path: Path) -> None:
    """A few programs on every run of the tests."""
    check(programs, tmp_path, "host", 0, FAST_PROGRAMS)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["host", "x86-64-v3", "x86-64-v4"])
def test_many_programs(programs: Programs, tmp_path: Path, target: str) -> None:
    """Programs for each target that this processor can run."""
    flags = Path("/proc/cpuinfo").read_text().split()
    if target == "x86-64-v4" and "avx512f" not in flags:
        pytest.skip("this processor has no AVX-512")
    check(programs, tmp_path, target, 0, MANY_PROGRAMS)
