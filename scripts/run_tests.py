"""Runs GoogleTest binaries, lit and pytest of a build folder and adds them up.

    run_tests.py BUILD [--fast]

The last line of output is "N passed, N failed". --fast leaves out the tests
that are marked slow (the ones that need a real checkpoint).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Outcome:
    """How many test cases ended how."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __iadd__(self, other: Outcome) -> Outcome:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        return self

    def __str__(self) -> str:
        text = f"{self.passed} passed, {self.failed} failed"
        return text + f", {self.skipped} skipped" if self.skipped else text


def read_report(path: Path) -> Outcome:
    """Counts the cases of a JUnit-like XML file (all three tools write it)."""
    outcome = Outcome()
    for case in ElementTree.parse(path).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.failed += 1
        elif case.find("skipped") is not None or case.get("status") == "notrun":
            outcome.skipped += 1
        else:
            outcome.passed += 1
    return outcome


def read_outcome(code: int, report: Path) -> Outcome:
    """What a tool that ended with `code` reported. A tool that fails without
    saying which case did is one failure, so that a crash cannot pass for success."""
    outcome = Outcome()
    if report.exists():
        try:
            outcome = read_report(report)
        except ElementTree.ParseError as error:
            print(f"{report}: {error}", file=sys.stderr)
            outcome.failed += 1
    if code != 0 and outcome.failed == 0:
        outcome.failed += 1
    return outcome


def run(name: str, command: list[str], report: Path) -> Outcome:
    """Runs one tool."""
    report.unlink(missing_ok=True)
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    outcome = read_outcome(code, report)
    print(f"{name}: {outcome}", flush=True)
    return outcome


def run_unittest(binary: Path, reports: Path) -> Outcome:
    """Runs a GoogleTest binary in as many parts as there are processors."""
    outcome = Outcome()
    if not binary.exists():
        print(f"{binary}: not built", file=sys.stderr)
        return Outcome(failed=1)
    shards = len(os.sched_getaffinity(0))
    running = []
    for shard in range(shards):
        report = reports / f"{binary.name}-{shard}.xml"
        report.unlink(missing_ok=True)
        process = subprocess.Popen(
            [binary, "--gtest_brief=1", f"--gtest_output=xml:{report}"],
            cwd=ROOT,
            env={
                **os.environ,
                "GTEST_TOTAL_SHARDS": str(shards),
                "GTEST_SHARD_INDEX": str(shard),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        running.append((process, report))
    for process, report in running:
        output, _ = process.communicate()
        part = read_outcome(process.returncode, report)
        if part.failed:
            print(output)
        outcome += part
    print(f"{binary.name}: {outcome}", flush=True)
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--fast", action="store_true")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    reports = build / "test" / "reports"
    reports.mkdir(parents=True, exist_ok=True)

    total = Outcome()
    for line in (build / "test" / "unittests.txt").read_text().split():
        total += run_unittest(Path(line), reports)

    report = reports / "lit.xml"
    lit = (build / "test" / "lit.txt").read_text().strip()
    total += run(
        "lit",
        [sys.executable, lit, "-qv", f"--xunit-xml-output={report}", str(build / "test")],
        report,
    )

    report = reports / "pytest.xml"
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}"]
    command.append(f"--winnow-build={build}")
    command += [str(ROOT / "test" / folder) for folder in ("EndToEnd", "Python", "Reference")]
    if arguments.fast:
        command += ["-m", "not slow"]
    total += run("pytest", command, report)

    if total.skipped:
        print(f"{total.skipped} skipped")
    print(f"{total.passed} passed, {total.failed} failed", flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
