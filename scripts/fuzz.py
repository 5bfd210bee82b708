"""Runs fuzzers, one after another, and prints what they reached.

    fuzz.py [--runs N | --seconds N] [--work DIRECTORY] [READER ...]

Each fuzzer works for N inputs (or seconds) from the seeds in DIRECTORY/seeds, which
make_fuzz_seeds.py writes the first time, and from what earlier runs left in
DIRECTORY/corpus/READER. The corpus is then cut down to what covers as much, and
replayed by the build that counts lines. Inputs that show a fault are left in
DIRECTORY/findings/READER. Needs the build presets fuzz, fuzz-coverage and release;
`--runs 0` only counts lines.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LLVM = Path("/usr/lib/llvm-22/bin")
COVERAGE = LLVM / "llvm-cov"
# The libraries of LLVM are not instrumented, so their allocators must not mark memory.
# Shorter stacks, a shorter queue of freed memory and less filling of new memory make
# allocations twice as fast.
ASAN = "allow_user_poisoning=0 malloc_context_size=1 quarantine_size_mb=8 max_malloc_fill_size=128"
# What the sanitizers find ends the run.
SANITIZERS = {
    "ASAN_OPTIONS": ASAN.replace(" ", ":"),
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:"
    f"suppressions={ROOT / 'unittests' / 'Fuzz' / 'ubsan.supp'}",
}


@dataclass(frozen=True)
class Reader:
    """A fuzzer, the files whose lines count, and how long its inputs are at most."""

    sources: tuple[str, ...]
    longest: int


READERS = {
    "gguf": Reader(("lib/Import/Gguf*.cpp",), 1500),
    "safetensors": Reader(("lib/Import/Safetensors.cpp", "lib/Import/Json.cpp"), 600),
    "config": Reader(
        (
            "lib/Import/ConfigReader.cpp",
            "lib/Import/EncoderFamilies.cpp",
            "lib/Import/Families/*.cpp",
            "lib/Import/HuggingFaceConfig.cpp",
            "lib/Import/HuggingFaceDecoder.cpp",
            "lib/Import/ModelConfig.cpp",
        ),
        700,
    ),
    "pooling": Reader(("lib/Import/SentenceTransformer.cpp",), 300),
    "tokenizer-json": Reader(
        ("lib/Import/HuggingFaceTokenizer.cpp", "lib/Import/TextRules.cpp"), 1800
    ),
    "word-piece": Reader(("lib/Import/WordPieceFile.cpp",), 800),
    "tokenizer": Reader(("lib/Tokenizer/TokenizerFile.cpp",), 600),
    "chat": Reader(("lib/Chat/*.cpp",), 600),
    "manifest": Reader(
        (
            "tools/winnow-run/Inspect.cpp",
            "tools/winnow-run/Json.cpp",
            "tools/winnow-run/StageInfo.cpp",
        ),
        512,
    ),
    "weights": Reader(("lib/Runtime/Weights.cpp",), 4352),
    "state": Reader(("lib/Runtime/State.cpp", "lib/Runtime/StateFile.cpp"), 4000),
    "npy": Reader(("tools/winnow-run/NpyReader.cpp",), 200),
    "ir": Reader(("lib/Dialect/*.cpp", "lib/Import/ImportProgram.cpp"), 10000),
    "import": Reader(("lib/Import/Import*.cpp", "lib/Import/ParamTable.cpp"), 17500),
    "program": Reader(("lib/Conversion/*.cpp", "lib/Compress/*.cpp"), 10000),
}  # fmt: skip


def call(*command: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)),
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if command[0] == COVERAGE else subprocess.STDOUT,
        text=True,
        errors="replace",
    )


class Campaign:
    """One fuzzer with its folders."""

    def __init__(self, name: str, work: Path) -> None:
        self.name, self.work, self.reader = name, work, READERS[name]
        self.program = ROOT / "build-fuzz" / "unittests" / f"fuzz-{name}"
        self.counter = ROOT / "build-fuzz-coverage" / "unittests" / f"fuzz-{name}"
        self.seeds = work / "seeds" / name
        self.corpus = work / "corpus" / name
        self.findings = work / "findings" / name
        for folder in (self.corpus, self.findings):
            folder.mkdir(parents=True, exist_ok=True)

    def fuzz(self, limit: str) -> tuple[int, int]:
        """The inputs tried, and how many a second."""
        result = call(
            self.program, limit, f"-max_len={self.reader.longest}", "-reduce_inputs=0",
            "-timeout=300", "-rss_limit_mb=4096", "-print_final_stats=1",
            f"-artifact_prefix={self.findings}/", self.corpus, self.seeds, **SANITIZERS,
        )  # fmt: skip
        (self.work / f"{self.name}.log").write_text(result.stdout)
        facts = dict(re.findall(r"stat::(\w+): +(\d+)", result.stdout))
        runs = int(facts.get("number_of_executed_units", 0))
        return runs, int(facts.get("average_exec_per_sec", 0))

    def minimize(self) -> None:
        smaller = self.corpus.with_suffix(".merged")
        shutil.rmtree(smaller, ignore_errors=True)
        smaller.mkdir()
        limit = f"-max_len={self.reader.longest}"
        folders = (smaller, self.corpus, self.seeds)
        if call(self.program, "-merge=1", limit, *folders, **SANITIZERS).returncode == 0:
            shutil.rmtree(self.corpus)
            smaller.rename(self.corpus)

    def count_lines(self) -> tuple[int, int]:
        """Lines of the reader that run, and all of them."""
        raw, merged = (self.work / f"{self.name}.{kind}" for kind in ("profraw", "profdata"))
        call(self.counter, "-runs=0", self.corpus, self.seeds, LLVM_PROFILE_FILE=str(raw))
        call(LLVM / "llvm-profdata", "merge", "-sparse", raw, "-o", merged)
        sources = [path for glob in self.reader.sources for path in sorted(ROOT.glob(glob))]
        report = call(
            COVERAGE, "export", "-summary-only", f"-instr-profile={merged}",
            self.counter, "-sources", *sources,
        )  # fmt: skip
        lines = json.loads(report.stdout)["data"][0]["totals"]["lines"]
        return lines["covered"], lines["count"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    limit = parser.add_mutually_exclusive_group()
    limit.add_argument("--runs", type=int, default=1_000_000)
    limit.add_argument("--seconds", type=int)
    parser.add_argument("--work", type=Path, default=Path("fuzz"))
    parser.add_argument("readers", nargs="*", default=list(READERS), metavar="READER")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.readers if name not in READERS]:
        parser.error(f"no reader {unknown[0]}; there are {', '.join(READERS)}")
    work = arguments.work.resolve()
    seconds = arguments.seconds
    flag = f"-max_total_time={seconds}" if seconds else f"-runs={arguments.runs}"
    if not (work / "seeds").exists():
        script = ROOT / "scripts" / "make_fuzz_seeds.py"
        subprocess.run([sys.executable, script, ROOT / "build", work / "seeds"], check=True)

    print(f"{'reader':15} {'inputs':>12} {'per second':>10} {'lines run':>16} {'findings':>8}")
    found = 0
    for name in arguments.readers:
        campaign = Campaign(name, work)
        runs, rate = 0, 0
        if seconds or arguments.runs:
            runs, rate = campaign.fuzz(flag)
            campaign.minimize()
        covered, count = campaign.count_lines()
        findings = len(list(campaign.findings.iterdir()))
        found += findings
        lines = f"{covered} of {count} {100 * covered / count:5.1f} %"
        print(f"{name:15} {runs:12,} {rate:10,} {lines:>16} {findings:8}", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
