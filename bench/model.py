"""A compiled model beside llama.cpp on the same file, alternating in one run.

    model.py NAME CHECKPOINT [--threads 1 2] [--rounds 5] [--output FILE.json]

Per number of threads: this machine's ceilings, then rounds of winnow-run and
llama.cpp in turn; medians, spreads, ratios and shares of the ceilings. llama.cpp
needs requirements-peers.txt; --without-peer measures Winnow alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gguf import GGUFReader

from commands import run_json

ROOT = Path(__file__).resolve().parent.parent
PHASES = ("prefill", "decode")


@dataclass(frozen=True)
class Work:
    """What one token costs at least, from the checkpoint's tensors."""

    bytes_per_token: int
    """Stored bytes of the weights that one decoded token reads."""
    operations_per_token: int
    """Multiply-adds, counted as two, of the linear layers without the head."""

    @staticmethod
    def of(path: Path) -> Work:
        """Every matrix is a linear layer. The embedding counts for its bytes only
        where it is the head as well; the head makes logits for the last token of
        a prompt, so it does not count as work per prompt token."""
        tensors = GGUFReader(path).tensors
        tied = all(tensor.name != "output.weight" for tensor in tensors)
        stored = operations = 0
        for tensor in tensors:
            if tensor.name == "token_embd.weight" and not tied:
                continue
            stored += int(tensor.n_bytes)
            if tensor.name.startswith("blk.") and len(tensor.shape) == 2:
                operations += 2 * int(tensor.n_elements)
        return Work(stored, operations)


def run_ceilings(programs: Path, threads: int) -> dict[str, float]:
    """Rates of this machine in this minute."""
    report = run_json(programs / "winnow-ceilings", "--threads", threads)["ceilings"][0]
    return {key: value for key, value in report.items() if key.endswith("_per_second")}


def summary(rates: list[float]) -> dict[str, float]:
    """Median and spread of repeated measurements."""
    return {
        "median": statistics.median(rates),
        "least": min(rates),
        "largest": max(rates),
    }


def measure(arguments: argparse.Namespace, threads: int) -> dict[str, Any]:
    """Alternates the two programs and adds up."""
    programs = arguments.build / "bin"
    lengths = ["--prefill", arguments.prefill, "--decode", arguments.decode]
    commands = {
        "winnow": [programs / "winnow-run", arguments.name, "--bench", *lengths]
        + ["--threads", threads, "--json"]
    }
    if not arguments.without_peer:
        commands["llama.cpp"] = [Path(sys.executable), Path(__file__).parent / "llama_cpp_speed.py"]
        commands["llama.cpp"] += [arguments.checkpoint, *lengths, "--threads", threads]
    rounds: dict[str, list[dict[str, Any]]] = {who: [] for who in commands}
    ceilings = run_ceilings(programs, threads)
    for _ in range(arguments.rounds):
        for who, command in commands.items():
            rounds[who].append(run_json(*command))
    # What a neighbour on the machine took may differ before and after.
    after = run_ceilings(programs, threads)
    ceilings = {key: max(value, after[key]) for key, value in ceilings.items()}

    work = Work.of(arguments.checkpoint)
    result: dict[str, Any] = {"threads": threads, "ceilings": ceilings, "rounds": rounds}
    for who, reports in rounds.items():
        speeds = {
            phase: summary([report[f"{phase}_tokens_per_second"] for report in reports])
            for phase in PHASES
        }
        result[who] = {
            **speeds,
            "prefill_share_of_int8": speeds["prefill"]["median"]
            * work.operations_per_token
            / ceilings["u8s8_dot_operations_per_second"],
            "decode_share_of_read_bandwidth": speeds["decode"]["median"]
            * work.bytes_per_token
            / ceilings["read_bytes_per_second"],
        }
        if result[who]["decode_share_of_read_bandwidth"] > 1:
            result[who]["warning"] = "faster than the memory: part of the weights is in a cache"
    return result


def print_result(result: dict[str, Any]) -> None:
    """One table per number of threads."""
    ceilings = result["ceilings"]
    print(
        f"{result['threads']} threads; ceilings: reads "
        f"{ceilings['read_bytes_per_second'] / 1e9:.1f} GB/s, int8 "
        f"{ceilings['u8s8_dot_operations_per_second'] / 1e9:.0f} GOP/s"
    )
    print(f"  {'':10} {'tokens/s':>9} {'(least to largest)':>20} {'of ceiling':>11} {'ratio':>6}")
    for phase in PHASES:
        share = {"prefill": "prefill_share_of_int8", "decode": "decode_share_of_read_bandwidth"}
        for who in ("winnow", "llama.cpp"):
            if who not in result:
                continue
            speed = result[who][phase]
            spread = f"({speed['least']:.1f} to {speed['largest']:.1f})"
            ratio = ""
            if who == "winnow" and "llama.cpp" in result:
                ratio = f"{speed['median'] / result['llama.cpp'][phase]['median']:.2f}x"
            print(
                f"  {phase + ' ' + who:18} {speed['median']:>8.1f} {spread:>17} "
                f"{result[who][share[phase]]:>10.0%} {ratio:>6}"
            )
    for who in ("winnow", "llama.cpp"):
        if "warning" in result.get(who, {}):
            print(f"  {who}: {result[who]['warning']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", type=Path, help="the artifact, without extension")
    parser.add_argument("checkpoint", type=Path, help="the GGUF file it was compiled from")
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--prefill", type=int, default=512)
    parser.add_argument("--decode", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--output", type=Path, help="write everything measured as JSON")
    arguments = parser.parse_args()
    results = []
    for threads in arguments.threads:
        results.append(measure(arguments, threads))
        print_result(results[-1])
    if arguments.output:
        arguments.output.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
